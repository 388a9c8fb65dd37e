-- What was rebuilt, how far it is, and what came of it: kept when the tables of views are not.

create table views.rebuilds (
    id         bigint      generated always as identity primary key,
    views      text[]      not null,
    workers    bigint      not null,
    swap       boolean     not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at   timestamptz,
    state      text        not null default 'running',  -- then swapped, compared, refused or failed
    phase      text        not null default 'folding',
    done       bigint      not null default 0,          -- rows of the log
    total      bigint      not null default 0,
    rate       float8,                                  -- rows a second, of late
    reason     text,                                    -- why it was refused or failed
    chains     jsonb       not null default '[]'        -- of each that was built: views, position, what was revised
);

-- Tables that were read once, and since when they are not: they go after a while, for the sake of who still reads them.
create table views.retired (
    name text        primary key,
    at   timestamptz not null default clock_timestamp()
);

do $$
begin
    execute format('grant select, insert, update, delete on views.rebuilds, views.retired to %I',
        current_setting('ledgerstone.app_role'));
end
$$;
