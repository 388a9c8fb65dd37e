"""The objects inside Stripe's events, as JSON gives them: only the fields that we read.

The shape is that of API version 2026-10-28.endive, and of every one since 2020: where an older one differs
by a field, both stand side by side, the older one marked "until" the version that took it away. Each is read
newest first, whatever the event says of its version. Fields, enum values and objects that we
do not know pass unread; an amount that is not an integer does not pass."""
