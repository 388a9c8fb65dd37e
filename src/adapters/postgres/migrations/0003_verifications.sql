-- What verification of the books found, night by night: kept when the tables of views are not.

create table views.verifications (
    id         bigint      generated always as identity primary key,
    started_at timestamptz not null,
    ended_at   timestamptz not null default clock_timestamp(),
    position   bigint      not null,                    -- the last row of the log that was looked at
    fine       text[]      not null,
    remarks    text[]      not null,
    wrong      text[]      not null
);

do $$
begin
    execute format('grant select, insert, delete on views.verifications to %I', current_setting('ledgerstone.app_role'));
end
$$;
