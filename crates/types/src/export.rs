//! The file in which a cluster's disks leave the page: for `cargo xtask check-disk`, and for
//! anyone who wants to keep them.
//!
//! A magic, a version, then the disks as postcard bytes. Rows carry their own checksums.

use crate::{
    codec::{self, DecodeError},
    disk::{DISK_VERSION, DiskImage},
    id::StoreId,
};

/// What such a file starts with.
pub const MAGIC: [u8; 8] = *b"RPDISKS\0";

const VERSION_BYTES: usize = size_of::<u32>();

/// Bytes that are no file of disks, or none that this build can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The bytes do not start with [`MAGIC`].
    #[error("this is not a file of exported disks")]
    NotAnExport,
    /// The rows have another layout than this build knows.
    #[error("the disks have layout {found} and this build reads {DISK_VERSION}; use its build")]
    OtherVersion {
        /// The version in the file.
        found: u32,
    },
    /// The file is damaged or cut off.
    #[error(transparent)]
    Damaged(#[from] DecodeError),
}

/// Makes a file of disks.
#[must_use]
pub fn encode(disks: &[(StoreId, DiskImage)]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(DISK_VERSION.to_le_bytes());
    bytes.extend(codec::encode(disks));
    bytes
}

/// Reads a file of disks.
///
/// # Errors
///
/// [`ExportError`] for anything that [`encode`] of this version did not make.
pub fn decode(bytes: &[u8]) -> Result<Vec<(StoreId, DiskImage)>, ExportError> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(ExportError::NotAnExport)?;
    let Some((version, disks)) = rest.split_first_chunk::<VERSION_BYTES>() else {
        return Err(ExportError::NotAnExport);
    };
    let found = u32::from_le_bytes(*version);
    if found != DISK_VERSION {
        return Err(ExportError::OtherVersion { found });
    }
    Ok(codec::decode(disks)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_disk() -> Vec<(StoreId, DiskImage)> {
        vec![(StoreId::new(3), DiskImage::default())]
    }

    #[test]
    fn disks_come_back_as_they_were() {
        assert_eq!(decode(&encode(&one_disk())), Ok(one_disk()));
        assert_eq!(decode(&encode(&[])), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_export_is_refused() {
        assert_eq!(decode(b"RPDISK"), Err(ExportError::NotAnExport));
        assert_eq!(decode(&MAGIC), Err(ExportError::NotAnExport));
        let mut newer = encode(&one_disk());
        newer[MAGIC.len()] += 1;
        let found = DISK_VERSION + 1;
        assert_eq!(decode(&newer), Err(ExportError::OtherVersion { found }));
        let whole = encode(&one_disk());
        let cut = &whole[..whole.len() - 1];
        assert!(matches!(decode(cut), Err(ExportError::Damaged(_))));
    }
}
