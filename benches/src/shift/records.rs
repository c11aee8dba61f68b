//! Records: a key of four bytes, and the number of the phase in every other byte. The same for every contestant.

/// Makes records in a buffer, from which they are copied.
pub struct Records {
    random: u32,
    size: usize,
    buffer: [u8; 1024],
}

impl Default for Records {
    fn default() -> Self {
        Self::new()
    }
}

impl Records {
    /// None yet.
    pub fn new() -> Self {
        Self { random: 2_463_534_242, size: 0, buffer: [0; 1024] }
    }

    /// The records of a phase.
    pub fn begin(&mut self, phase: usize, size: usize) {
        self.size = size;
        self.buffer.fill(phase as u8);
    }

    /// The next record.
    #[inline]
    pub fn record(&mut self) -> &[u8] {
        let key = self.draw();
        self.buffer[..4].copy_from_slice(&key.to_le_bytes());
        &self.buffer[..self.size]
    }

    /// Makes the next record, up to a quarter larger; returns how large.
    #[inline]
    pub fn drift(&mut self) -> usize {
        self.size + key(self.record()) as usize % (self.size / 4)
    }

    /// The record that was made last, of a size that [`drift`](Self::drift) returned.
    #[inline]
    pub fn last(&self, size: usize) -> &[u8] {
        &self.buffer[..size]
    }

    /// A number below `end`.
    #[inline]
    pub fn below(&mut self, end: usize) -> usize {
        ((u64::from(self.draw()) * end as u64) >> 32) as usize
    }

    /// Xorshift of 32 bits (Marsaglia: *Xorshift RNGs*, 2003): every language has the operations.
    #[inline]
    fn draw(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }
}

/// The key of a record.
#[inline]
pub fn key(record: &[u8]) -> u32 {
    u32::from_le_bytes([record[0], record[1], record[2], record[3]])
}

/// Adds a record to a checksum: its key, its length, its last byte.
#[inline]
pub fn checksum(sum: u32, record: &[u8]) -> u32 {
    let end = record.len() as u32 + u32::from(record[record.len() - 1]);
    sum.wrapping_mul(31).wrapping_add(key(record)).wrapping_add(end)
}
