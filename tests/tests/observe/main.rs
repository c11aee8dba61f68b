//! Seeing inside: what the heap tells of its objects.

mod sites;
