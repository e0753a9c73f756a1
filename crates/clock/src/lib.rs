//! Clock: the system's, a discrete-event one for the demo, and one moved by hand
