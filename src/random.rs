//! Random streams that a run can be repeated and split with.
//!
//! A stream is known by (seed, kind, ordinal) and by nothing else: not by the placement, not by when it is asked for. One
//! stream holds one attribute of one component, so that drawing more of one thing changes nothing else, and what is compared
//! is compared on common random numbers.

use std::{convert::Infallible, fmt};

use rand::{Rng, SeedableRng, TryRng, rngs::ChaCha12Rng};

/// A `ChaCha12` stream; its copies go on alike.
pub struct RandomStream(ChaCha12Rng);

impl RandomStream {
    /// The stream of the `ordinal`-th component for what `kind` names, such as `workload/gaps`.
    ///
    /// The seed gives the key and (kind, ordinal) the stream number of one `ChaCha12` generator: streams of one seed never
    /// overlap. The name is hashed to 32 bits (FNV-1a); it is part of every result, so never rename one.
    pub fn new(seed: u64, kind: &str, ordinal: u32) -> Self {
        let kind = kind
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(kind) << 32 | u64::from(ordinal));
        Self(rng)
    }
}

/// The seed of the `ordinal`-th of independent runs for what `kind` names; seeds that are neighbours have none in common.
pub fn derived(seed: u64, kind: &str, ordinal: u32) -> u64 {
    RandomStream::new(seed, kind, ordinal).next_u64()
}

impl Clone for RandomStream {
    fn clone(&self) -> Self {
        Self(ChaCha12Rng::deserialize_state(&self.0.serialize_state()))
    }
}

impl fmt::Debug for RandomStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RandomStream({:#x} at {})", self.0.get_stream(), self.0.get_word_pos())
    }
}

impl TryRng for RandomStream {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn a_copy_goes_on_where_the_stream_stands() {
        let mut stream = RandomStream::new(7, "a", 0);
        for drawn in 0..100 {
            let mut copy = stream.clone();
            let ahead: Vec<u64> = (0..40).map(|_| copy.random()).collect();
            let mut longer = stream.clone();
            assert!(ahead.iter().all(|expected| *expected == longer.random::<u64>()), "after {drawn} words");
            stream.random::<u32>();
        }
    }

    #[test]
    fn streams_differ_in_every_part_of_their_name() {
        let first = |seed, kind, ordinal| RandomStream::new(seed, kind, ordinal).random::<u64>();
        let draws = [first(1, "a", 0), first(2, "a", 0), first(1, "b", 0), first(1, "a", 1)];
        let distinct: std::collections::BTreeSet<_> = draws.iter().collect();
        assert_eq!(distinct.len(), draws.len());
        assert_eq!(first(1, "a", 0), draws[0]);
    }
}
