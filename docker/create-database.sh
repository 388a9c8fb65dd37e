#!/bin/sh
# Run once by the postgres image: the owner, who migrates, the app, which may only add to the log, and the database.
set -e
psql --set=ON_ERROR_STOP=1 --set=owner="$OWNER_PASSWORD" --set=app="$APP_PASSWORD" <<'SQL'
create role ledgerstone_owner login password :'owner';
create role ledgerstone_app login password :'app';
create database ledgerstone owner ledgerstone_owner;
SQL
