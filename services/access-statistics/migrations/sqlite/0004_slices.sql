-- A checkpoint is written in slices: to which batch it goes, and how far it is written.

alter table head add column target integer not null default 0;
alter table head add column written integer not null default 0;
update head set target = folded;
