-- What a message is counted by, in line beside its bytes, most of which lie out of line: so that views need not
-- fetch them. Null in rows from before, which are read as they were, and in all that has to be read
-- (ledger/heads.py).

alter table stored_events add column brief bytea;
