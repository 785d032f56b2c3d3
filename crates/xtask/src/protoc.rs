//! The compiler of protocol buffers, which the build of raft-rs runs.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::steps::Steps;
use crate::{apt, exec};

/// Debian's package of it.
const PACKAGE: &str = "protobuf-compiler";

/// Where it is: what `PROTOC` names, or on `PATH`, or installed now where that is possible.
pub(crate) fn prepare(steps: &mut Steps) -> Result<PathBuf> {
    steps.run("protoc", |progress| {
        if let Some(path) = std::env::var_os("PROTOC").filter(|path| !path.is_empty()) {
            if exec::output(&path, &["--version"]).is_none() {
                bail!("PROTOC is set to {} and does not run", path.display());
            }
            return Ok(path.into());
        }
        if let Some(path) = exec::find("protoc") {
            return Ok(path);
        }
        let hint = "; or name a protoc in the environment as PROTOC";
        apt::install(&[PACKAGE], &["protoc"], hint, progress)?;
        match exec::find("protoc") {
            Some(path) => Ok(path),
            None => bail!("still missing after installing {PACKAGE}: protoc"),
        }
    })
}
