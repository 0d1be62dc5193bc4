//! Probes of real sockets of this machine.
