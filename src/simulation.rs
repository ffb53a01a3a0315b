//! Clock, event queue and the wiring of the rooms below.
