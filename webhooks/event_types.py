"""The types of event that a webhook can ask for."""

TEST = "webhook.test"

# What the journal knows of a hotel; a new verb's type belongs here too.
KNOWN = (
    "voucher.issue",
    "voucher.book",
    "voucher.move",
    "voucher.cancel",
    "voucher.redeem",
    "voucher.unredeem",
    "voucher.transfer",
    "voucher.recall",
    "voucher.withdraw",
    "voucher.expire",
    "booking.arrive",
    "booking.unarrive",
    "booking.no_show",
    "booking.forget",
    "offer.add",
    "offer.change",
    "offer.delete",
    "hotel.add",
    "hotel.change",
    "staff.add",
    "staff.change",
    "key.create",
    "key.revoke",
    "feed.create",
    "feed.revoke",
    "webhook.create",
    "webhook.rotate",
    "webhook.enable",
    "webhook.disable",
    "webhook.delete",
)
