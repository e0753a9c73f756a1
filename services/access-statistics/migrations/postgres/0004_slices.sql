-- A checkpoint is written in slices: to which batch it goes, and how far it is written.

alter table head add column target bigint not null default 0;
alter table head add column written bigint not null default 0;
update head set target = folded;
