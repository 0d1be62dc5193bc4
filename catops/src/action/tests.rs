//! Runs against real processes and real sockets of this machine.
