//! Names the build by a hash over the sources of all crates, so that a page and a worker from
//! different builds notice each other.

use std::{
    fs,
    hash::Hasher,
    path::{Path, PathBuf},
};

/// FNV-1a: small, and the same on every machine.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|ending| ending == "rs" || ending == "toml")
        {
            found.push(path);
        }
    }
    Ok(())
}

fn main() -> std::io::Result<()> {
    let crates = Path::new("..");
    let mut found = Vec::new();
    for name in [
        "types",
        "raft",
        "raftstore",
        "scheduler",
        "cluster",
        "protocol",
        "engine",
        "app",
    ] {
        let folder = crates.join(name);
        println!("cargo::rerun-if-changed={}", folder.display());
        sources(&folder, &mut found)?;
    }
    found.sort();
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    for path in found {
        hasher.write(path.to_string_lossy().as_bytes());
        hasher.write(&fs::read(&path)?);
    }
    println!(
        "cargo::rustc-env=RAFT_PLAYGROUND_BUILD={:016x}",
        hasher.finish()
    );
    Ok(())
}
