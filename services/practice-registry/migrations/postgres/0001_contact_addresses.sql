-- Addresses of practices' contacts, beside the journal, which names them by id (rule 16): here they can be erased.
create table contact_addresses (
  id              text   collate "C" not null primary key,
  practice        text   collate "C" not null,
  address         text   not null,
  stored_at_us    bigint not null,
  retain_until_us bigint not null
);
