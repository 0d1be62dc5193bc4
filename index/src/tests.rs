//! What a user sees of the library: golden rankings, reloads and explanations.
