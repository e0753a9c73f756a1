-- Addresses of practices' contacts, beside the journal, which names them by id (rule 16): here they can be erased.
create table contact_addresses (
  id              text    not null primary key,
  practice        text    not null,
  address         text    not null,
  stored_at_us    integer not null,
  retain_until_us integer not null
) strict;
