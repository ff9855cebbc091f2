"""What is read from the books: metrics, their history, alerts and recommendations, reports, exports.

Nothing here is kept: every answer is made of what `wye.store` holds at that moment, for the caller who asks.
"""
