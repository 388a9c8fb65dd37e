"""The objects inside Stripe's events, as JSON gives them: only the fields that we read.

The shape is that of API version 2026-10-28.endive. Where an older one differs by a field, both stand side
by side, the older one marked "until" the version that took it away. Fields, enum values and objects that we
do not know pass unread; an amount that is not an integer does not pass."""
