//! Ranks the actions most likely to help, with reasons. Pure.
