//! Holidays by examples.
