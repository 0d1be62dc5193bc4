//! Tests of `on_call`.
