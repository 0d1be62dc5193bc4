//! Who is on call at an instant, and why. Pure.
