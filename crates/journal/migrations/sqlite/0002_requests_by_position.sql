-- Replies are kept for a set time; those before a position are found by this.
create index journal_requests_by_position on journal_requests (position);
