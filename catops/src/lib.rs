//! The executable: composition, flow, runners, commands.
