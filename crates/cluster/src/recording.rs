//! The recording.

/// Names the behaviour of the engine; a recording replays only under the version that made it.
pub const ENGINE_VERSION: u32 = 1;

/// A run, as far as chance decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording;

/// Bytes that are no recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// The bytes do not start as a recording does.
    #[error("this is not a recording")]
    NotARecording,
}

impl Recording {
    /// Reads chunks, one after the other, of one or more segments. A missing tail is tolerated.
    ///
    /// # Errors
    ///
    /// [`RecordingError`].
    pub fn decode(_bytes: &[u8]) -> Result<Self, RecordingError> {
        todo!()
    }
}
