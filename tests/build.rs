//! Hands the hashes of fresh seeds, which a native test left in the target folder, to the suites
//! that run the same seeds in wasm.

use std::path::Path;

fn main() {
    let path = Path::new("../target/fresh-seeds.txt");
    println!("cargo::rerun-if-changed={}", path.display());
    // Without the file the suites fail, and say how to make it.
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let out = std::env::var("OUT_DIR").expect("cargo names a folder");
    std::fs::write(Path::new(&out).join("fresh-seeds.txt"), text).expect("the folder is there");
}
