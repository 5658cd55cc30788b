"""Fill PostgreSQL with a large installation, in SQL alone: a million vouchers in a few minutes.

One hotel has six of every ten rows, the others share the rest. The constraints hold; the guard of
places is off meanwhile, since the rows are spread so that it would let all of them through.
"""

# ruff: noqa: E501 - tables have many columns
from collections.abc import Mapping

from django.db import connection

HOTELS = 300
# The hotel that has most of everything, and one of the small ones.
BIG, SMALL = "hotel-000", "hotel-117"

# `:name` is filled in. Of the hotels' offers the big one has 60, the others 3.
_STATEMENTS = """
INSERT INTO vouchers_hotel (uid, name, time_zone, default_currency, default_language, address, email, phone)
SELECT 'hotel-' || lpad(h::text, 3, '0'), 'Hotel No. ' || h,
       (ARRAY['Europe/Amsterdam', 'Europe/Berlin', 'Europe/London', 'America/New_York'])[1 + h % 4],
       'EUR', 'en', 'Street ' || h, 'hotel' || h || '@hotel.example', ''
FROM generate_series(0, :hotels - 1) h;

INSERT INTO vouchers_offer (id, issuer_uid, service_type, title, description, duration_minutes,
       cancel_notice_minutes, price_amount, price_currency, transferable, terms, step_minutes, capacity,
       min_notice_minutes, max_per_guest, validity_days, is_active, created_at)
SELECT 'o-' || lpad(h::text, 3, '0') || '-' || lpad(k::text, 3, '0'), 'hotel-' || lpad(h::text, 3, '0'),
       (ARRAY['hotel.spa', 'hotel.dinner', 'hotel.booking', 'hotel.late_checkout'])[1 + (h + k) % 4],
       (ARRAY['Spa hour', 'Dinner for two', 'Canal tour', 'Late checkout', 'Rooftop bar'])[1 + (h + k) % 5]
       || ' ' || h || '-' || k, repeat('Very good. ', 10), 60,
       60, 100, 'EUR', k % 2 = 0, '{}', 60, 5, 0, 1, 365, k % 10 > 0, now() - interval '700 days'
FROM generate_series(0, :hotels - 1) h, generate_series(0, 59) k WHERE h = 0 OR k < 3;

INSERT INTO vouchers_openinghours (offer_id, weekday, opens, closes)
SELECT id, weekday, '08:00', '20:00' FROM vouchers_offer, generate_series(0, 6) weekday;

INSERT INTO vouchers_batch (id, issuer_uid, offer_id, service_type, title, description, duration_minutes,
       cancel_notice_minutes, price_amount, price_currency, transferable, terms, valid_from, valid_until,
       created_at, open_issued, open_consumed, open_cancelled, open_expired)
SELECT 'vb-' || lpad(to_hex(b), 8, '0') || '-' || substr(md5('b' || b), 1, 12), o.issuer_uid, o.id, o.service_type, o.title,
       o.description, 60, 60, 100, 'EUR', o.transferable, '{}', at, at + interval '1 year', at,
       300, 50, 1, 100
FROM (SELECT b, CASE WHEN b % 10 < 6 THEN 0 ELSE b / 10 % (:hotels - 1) + 1 END AS h, now() - interval '2 years' * (1 - b::float / :batches) AS at
      FROM generate_series(1, :batches) b) made
JOIN vouchers_offer o ON o.id = 'o-' || lpad(h::text, 3, '0') || '-' || lpad((CASE WHEN h = 0 THEN b / 10 % 60 ELSE b / 3000 % 3 END)::text, 3, '0');

CREATE TEMPORARY TABLE seeded AS
SELECT v, batch.id AS batch, batch.issuer_uid, batch.offer_id, batch.service_type, batch.title,
       batch.description, batch.transferable,
       now() - interval '2 years' * (1 - v::float / :vouchers) AS at,
       CASE WHEN v % 5 = 0 THEN 'booking' WHEN v % 997 = 0 THEN 'withdrawn' ELSE 'open' END AS kind
FROM generate_series(1, :vouchers) v
JOIN (SELECT *, row_number() OVER (ORDER BY id) AS place FROM vouchers_batch) batch
     ON batch.place = (v - 1) * :batches / :vouchers + 1;

INSERT INTO vouchers_voucher (id, issuer_uid, offer_id, batch_id, service_type, title, description,
       duration_minutes, cancel_notice_minutes, price_amount, price_currency, transferable, terms,
       valid_from, valid_until, created_at, holder_uid, status, expires_at, redeemed_at, redeemed_from,
       claim_epoch)
SELECT 'v-' || lpad(to_hex(v), 8, '0') || '-' || substr(md5('v' || v), 1, 12), issuer_uid,
       CASE WHEN v % 50 = 1 THEN NULL ELSE offer_id END,
       CASE WHEN v % 50 = 1 THEN NULL ELSE batch END,
       CASE WHEN v % 20011 = 1 THEN 'hotel.rare' ELSE service_type END,
       CASE WHEN v % 50 = 1 THEN 'Gift ' || v ELSE title END, description, 60, 60, 100, 'EUR',
       transferable, '{}', CASE WHEN v % 5003 = 0 THEN now() + interval '30 days' ELSE at END,
       at + interval '1 year' + interval '3 years' * (v % 5003 = 0)::int, at,
       CASE WHEN kind = 'booking' OR v % 50 = 1
            THEN 'thinker-' || substr(md5('g' || v / 7), 1, 12) ELSE '' END,
       CASE WHEN kind = 'withdrawn' THEN 'cancelled'
            WHEN kind = 'booking' AND v % 25 > 0
            THEN CASE WHEN at < now() - interval '30 days' THEN 'consumed' ELSE 'booked' END
            WHEN at < now() - interval '366 days' AND v % 5003 > 0 THEN 'expired' ELSE 'issued' END,
       at + interval '1 year' + interval '3 years' * (v % 5003 = 0)::int,
       CASE WHEN kind = 'booking' AND v % 25 > 0 AND at < now() - interval '30 days' THEN at END,
       CASE WHEN kind = 'booking' AND v % 25 > 0 AND at < now() - interval '30 days' THEN 'booked' ELSE '' END,
       0
FROM seeded ORDER BY v;

ALTER TABLE bookings_booking DISABLE TRIGGER bookings_guard_places;
INSERT INTO bookings_booking (id, voucher_id, issuer_uid, offer_id, holder_uid, slot_start, slot_end, status,
       cancel_reason, created_at, cancelled_at, revision, arrived_at, no_show_at, voucher_was_open, guest_name,
       guest_email, guest_note, language, form_key)
SELECT 'b-' || lpad(to_hex(v), 8, '0') || '-' || substr(md5('b' || v), 1, 12),
       'v-' || lpad(to_hex(v), 8, '0') || '-' || substr(md5('v' || v), 1, 12), issuer_uid, offer_id,
       'thinker-' || substr(md5('g' || v / 7), 1, 12), slot, slot + interval '1 hour',
       CASE WHEN v % 25 = 0 THEN 'cancelled' ELSE 'booked' END, '', at,
       CASE WHEN v % 25 = 0 THEN at END, 0, NULL, CASE WHEN v % 777 = 0 THEN slot END, true,
       (ARRAY['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara'])[1 + v % 5] || ' ' || initcap(substr(md5('n' || v), 1, 8)),
       'guest' || v || '@guest.example', '', 'en', NULL
FROM (SELECT *, date_trunc('day', at) + interval '30 days' + interval '1 hour' * (8 + v / 5 % 11) AS slot
      FROM seeded WHERE kind = 'booking') chosen ORDER BY v;
ALTER TABLE bookings_booking ENABLE TRIGGER bookings_guard_places;

INSERT INTO waiting_entry (id, issuer_uid, offer_id, promise_key, title, guest_uid, guest_name, guest_email,
       language, day, slot_start, joined_at, state, passed_starts, booking_id, ended_at)
SELECT 'q-' || lpad(to_hex(v), 8, '0') || '-' || substr(md5('q' || v), 1, 12), issuer_uid, offer_id, batch, title,
       'thinker-' || substr(md5('q' || v), 1, 12), 'Ada ' || initcap(substr(md5('n' || v), 1, 8)),
       'guest' || v || '@guest.example', 'en', at::date + 30, NULL, at,
       CASE WHEN at > now() - interval '3 days' THEN 'waiting' ELSE 'left' END, '[]', '',
       CASE WHEN at > now() - interval '3 days' THEN NULL ELSE at END
FROM seeded WHERE v % 10 = 1 ORDER BY v;
ALTER TABLE bookings_hold DISABLE TRIGGER USER;
INSERT INTO bookings_hold (id, kind, guest_uid, offer_id, slot_start, slot_end, taken_at, expires_at)
SELECT 'h-' || lpad(to_hex(v), 8, '0') || '-' || substr(md5('h' || v), 1, 12), 'form',
       'thinker-' || substr(md5('h' || v), 1, 12), offer_id, date_trunc('hour', now()) + interval '3 days',
       date_trunc('hour', now()) + interval '3 days 1 hour', now(), now() + interval '10 minutes'
FROM seeded WHERE v % 2000 = 7 ORDER BY v;
ALTER TABLE bookings_hold ENABLE TRIGGER USER;

INSERT INTO bookings_mail (kind, issuer_uid, booking_id, facts, recipient, guest_uid, created_at, attempts,
       sent_at, failed_at, last_error)
SELECT 'booked', issuer_uid, id, '{}', guest_email, holder_uid, created_at, 1,
       CASE WHEN right(guest_email, 16) = '77@guest.example' THEN NULL ELSE created_at END,
       CASE WHEN right(guest_email, 17) = '777@guest.example' THEN created_at END, ''
FROM bookings_booking ORDER BY id;

INSERT INTO events_event (id, type, actor_id, subject_type, subject_id, issuer_uid, meta, created_at, position)
SELECT 'e-' || lpad(to_hex(row_number() OVER (ORDER BY happened, v, type)), 8, '0') || '-' || substr(md5(type || v), 1, 12),
       type, actor, 'voucher', 'v-' || lpad(to_hex(v), 8, '0') || '-' || substr(md5('v' || v), 1, 12), issuer_uid,
       '{"before": {"status": "issued"}, "after": {"status": "booked"}}', happened,
       row_number() OVER (ORDER BY happened, v, type)
FROM (
    SELECT v, issuer_uid, 'voucher.issue' AS type, 'staff:clerk' AS actor, at AS happened FROM seeded
    UNION ALL SELECT v, issuer_uid, 'voucher.book', 'guest:' || v, at FROM seeded WHERE kind = 'booking'
    UNION ALL SELECT v, issuer_uid, 'voucher.cancel', 'guest:' || v, at FROM seeded WHERE v % 25 = 0
    UNION ALL SELECT v, issuer_uid, 'voucher.redeem', 'staff:clerk', at FROM seeded
              WHERE kind = 'booking' AND v % 25 > 0 AND at < now() - interval '30 days'
    UNION ALL SELECT v, issuer_uid, 'voucher.withdraw', 'staff:clerk', at FROM seeded WHERE kind = 'withdrawn'
    UNION ALL SELECT v, issuer_uid, 'voucher.expire', 'clock', at + interval '1 year' FROM seeded WHERE at < now() - interval '366 days'
) happened;
UPDATE events_journalend SET position = (SELECT max(position) FROM events_event);

INSERT INTO webhooks_subscription (id, hotel_id, url, event_types, secret, old_secret, is_active, created_at,
       position, failures, is_slow, disabled_reason)
SELECT 'w-' || uid, uid, 'https://' || uid || '.example/', '[]', 'whsec_x', '', true, now(), 0, 0, false, ''
FROM vouchers_hotel;
INSERT INTO webhooks_delivery (subscription_id, event_id, created_at, attempts, next_attempt_at, is_running,
       delivered_at, failed_at, last_error)
SELECT 'w-' || issuer_uid, id, created_at, CASE WHEN position % 30000 = 0 THEN 0 ELSE 1 END,
       CASE WHEN position % 15000 = 0 THEN now() END, false,
       CASE WHEN position % 15000 > 0 AND position % 9999 > 0 THEN created_at END,
       CASE WHEN position % 15000 > 0 AND position % 9999 = 0 THEN created_at END, ''
FROM events_event WHERE position % 3 = 0 ORDER BY position;

INSERT INTO access_apikey (id, name, issuer_uid, scopes, digest, hint, created_at, created_by)
SELECT 'k-' || uid, 'System of ' || name, uid, '["vouchers:read"]', md5(uid), 'hvp_' || right(uid, 3), now(), 'root'
FROM vouchers_hotel;

INSERT INTO presence_guest (uid, link_epoch)
SELECT 'thinker-' || substr(md5('g' || g), 1, 12), 1 FROM generate_series(1, :vouchers / 20) g;
INSERT INTO presence_room (id, pair_code, created_at, empty_since, closed_at)
SELECT 'r-' || lpad(to_hex(r), 8, '0') || '-' || substr(md5('r' || r), 1, 12), 'CODE-' || r, now(), NULL,
       CASE WHEN r > 200 THEN now() END FROM generate_series(1, 20000) r;
INSERT INTO presence_roommember (room_id, uid, joined_at)
SELECT id, 'thinker-' || substr(md5(id || k), 1, 12), now() FROM presence_room, generate_series(1, 2) k;
INSERT INTO presence_presence (uid, pair_code, status, last_seen, minute, used)
SELECT DISTINCT ON (holder_uid) holder_uid, '', 'online', now(), 0, 1
FROM (SELECT holder_uid FROM bookings_booking ORDER BY id DESC LIMIT 2000) recent;

INSERT INTO auth_user (username, password, first_name, last_name, email, is_staff, is_superuser, is_active,
       date_joined)
SELECT 'clerk-' || uid, '!', 'Clerk', uid, '', true, false, true, now() FROM vouchers_hotel;
INSERT INTO vouchers_hotel_staff (hotel_id, user_id)
SELECT uid, auth_user.id FROM vouchers_hotel JOIN auth_user ON username = 'clerk-' || uid;
INSERT INTO auth_user_groups (user_id, group_id)
SELECT auth_user.id, auth_group.id FROM auth_user, auth_group WHERE username LIKE 'clerk-%';
INSERT INTO auth_user (username, password, first_name, last_name, email, is_staff, is_superuser, is_active,
       date_joined) VALUES ('root', '!', '', '', '', true, true, true, now());
"""


def fill(vouchers: int) -> Mapping[str, int]:
    """Fill an empty, migrated database; returns how many rows the largest tables have then."""
    values = {"hotels": HOTELS, "vouchers": vouchers, "batches": max(vouchers // 500, HOTELS)}
    script = _STATEMENTS
    for name, value in values.items():
        script = script.replace(f":{name}", str(value))
    with connection.cursor() as cursor:
        # Bulk writing of a database that is thrown away.
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET work_mem = '256MB'")
        for statement in filter(str.strip, script.split(";\n")):
            cursor.execute(statement)
        cursor.execute("RESET work_mem")
        cursor.execute("VACUUM ANALYZE")
        counts = {}
        for table in (
            "vouchers_voucher",
            "vouchers_batch",
            "bookings_booking",
            "events_event",
            "webhooks_delivery",
        ):
            cursor.execute(f"SELECT count(*) FROM {table}")
            counts[table] = cursor.fetchone()[0]
    return counts
