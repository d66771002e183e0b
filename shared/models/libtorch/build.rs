//! The build script of every package whose binaries or tests link libtorch: it puts the places where the dynamic
//! linker looks for it into them, since torch-sys does not.

use std::env;

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    // As a RUNPATH, so that LD_LIBRARY_PATH can name another libtorch, one with CUDA say.
    println!("cargo::rustc-link-arg=-Wl,--enable-new-dtags");
    // The layout of `make dist`.
    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
    if let Ok(libtorch) = env::var("LIBTORCH") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{libtorch}/lib");
    }
}
