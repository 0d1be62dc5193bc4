//! Other people's signals become our alarms. Pure.
