-- The log: one row for each fact and decision, never changed. docs/architecture.md has the meaning of the columns;
-- their names are those of the eventsourcing library.

create table stored_events (
    originator_id      uuid        not null,  -- the stream, uuid5 of the fact's name
    originator_version bigint      not null,
    topic              text        not null,  -- the event's stable tag
    state              bytea       not null,  -- MessagePack
    notification_id    bigint      not null,  -- the position: 1, 2, 3 … without a gap, given under the append lock
    recorded_at        timestamptz not null,  -- one reading of the clock per append, never going back
    primary key (originator_id, originator_version)
) with (
    -- Nothing is ever updated or deleted, so the usual thresholds, which count dead rows, never come: count inserts
    -- instead, and freeze at the first visit, so that no row is written again years later against wraparound.
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 200000,
    autovacuum_freeze_min_age = 0,
    autovacuum_analyze_scale_factor = 0.02,
    toast.autovacuum_vacuum_insert_scale_factor = 0,
    toast.autovacuum_vacuum_insert_threshold = 200000,
    toast.autovacuum_freeze_min_age = 0
);

create unique index stored_events_notification_id_idx on stored_events (notification_id);

-- There is no index on recorded_at: it never goes back along the positions, so "the last position recorded at or
-- before t" is found by halving, in some twenty steps down the index above, and no append pays for it.

-- Statement triggers, so TRUNCATE is caught; ALWAYS, so a replica's apply mode does not pass them by.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% on % is refused: the log is append-only', tg_op, tg_table_name
        using hint = 'A correction is a new row.';
end
$$;

create trigger stored_events_append_only before update or delete or truncate on stored_events
    for each statement execute function refuse_change();
alter table stored_events enable always trigger stored_events_append_only;

do $$
declare
    app text := current_setting('ledgerstone.app_role');
begin
    -- Evidence is JSON of some kilobytes. lz4 costs a tenth of pglz; where the server was built without it, store as is.
    if 'lz4' = any (select unnest(enumvals) from pg_settings where name = 'default_toast_compression') then
        alter table stored_events alter column state set compression lz4;
    else
        alter table stored_events alter column state set storage external;
    end if;

    -- Also right where one role is owner and app: then the owner gives up its own rights, and the trigger stays.
    execute format('revoke all on stored_events from %I', app);
    execute format('grant select, insert on stored_events to %I', app);

    -- Views are rebuilt by the app, so it makes and drops their tables itself: here, and nowhere else.
    create schema views;
    execute format('grant usage, create on schema views to %I', app);

    -- Databases that began before PostgreSQL 15 let everybody create here. Only its owner can end that.
    if (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'public') then
        revoke create on schema public from public;
    end if;
end
$$;
