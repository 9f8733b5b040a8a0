use super::Artifact;
use crate::runtime::{LoadOptions, Runtime as _};
use crate::testing::onnx::{add, add_to, external};
use crate::testing::runtime::{Folder, floats, run_alone, runtime};
use std::os::unix::fs::symlink;
use std::process::Command;
use tidegate_core::document::VersionSettings;

/// `y = x + c`, with `c` in another file.
fn model_with(location: &str) -> Vec<u8> {
    add_to(external("c", 2, location)).model()
}

fn folder_with(location: &str) -> Folder {
    let folder = Folder::of_model(&model_with(location));
    folder.write(location, floats(&[10.0, 20.0]));
    folder
}

/// What the system's own tools make of a folder.
fn digest_by_sha256sum(folder: &Folder) -> String {
    let script = "find . -type f | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum";
    let output = Command::new("sh").args(["-c", script]).current_dir(folder.path()).output().expect("a shell");
    String::from_utf8(output.stdout).expect("hex")[..64].to_owned()
}

fn digest(folder: &Folder) -> String {
    Artifact::read(folder.path()).expect("a version folder").digest
}

#[test]
fn the_digest_is_sha256_over_the_sorted_manifest_of_all_files() {
    let folder = folder_with("weights.bin");
    for (name, content) in [("a/b/c.txt", "deep"), ("Z.txt", "upper case first"), ("z.txt", ""), ("a.txt", "a")] {
        folder.write(name, content);
        assert_eq!(digest(&folder), digest_by_sha256sum(&folder));
    }
    folder.write("large.bin", vec![7; (1 << 20) + 1]);
    assert_eq!(digest(&folder), digest_by_sha256sum(&folder));
}

#[test]
fn any_change_of_any_file_changes_the_digest_and_the_order_of_writing_does_not() {
    let (one, two) = (folder_with("weights.bin"), Folder::new());
    two.write("weights.bin", floats(&[10.0, 20.0]));
    two.write("model.onnx", model_with("weights.bin"));
    assert_eq!(digest(&one), digest(&two));
    let mut seen = vec![digest(&one)];
    for (name, content) in
        [("weights.bin", &floats(&[10.0, 21.0])[..]), ("model.onnx", &add()), ("note", b""), ("note", b"x")]
    {
        one.write(name, content);
        let own = digest(&one);
        assert!(!seen.contains(&own), "{name}");
        seen.push(own);
    }
}

#[test]
fn a_single_file_and_the_folder_that_holds_only_it_have_one_digest() {
    let folder = folder_with("weights.bin");
    let single = Artifact::of_file(&folder.path().join("model.onnx")).expect("a model file");
    assert_eq!(single.digest, digest(&folder));
    assert_eq!(single.size_bytes, Artifact::read(folder.path()).expect("a version folder").size_bytes);
}

#[test]
fn external_data_is_loaded_from_the_bytes_that_were_hashed() {
    for location in ["weights.bin", "data/weights.bin", "./weights.bin"] {
        let folder = folder_with(location);
        let artifact = Artifact::read(folder.path()).expect("a version folder");
        assert_eq!(artifact.size_bytes, model_with(location).len() as u64 + 8);
        assert_eq!(artifact.digest, digest_by_sha256sum(&folder));
        // What lies there after the hash was taken is not what is loaded.
        folder.write(location, floats(&[0.0, 0.0]));
        let model = runtime().load(&artifact, LoadOptions::of(&VersionSettings::default())).expect("it loads");
        drop((folder, artifact));
        let answer = run_alone(model.as_ref(), model.worker().as_mut(), &[1, 2], &floats(&[1.0, 2.0]));
        assert_eq!(answer, Ok((vec![1, 2], floats(&[11.0, 22.0]))), "{location}");
    }
}

#[test]
fn external_data_outside_the_folder_is_refused() {
    let outside = Folder::new();
    outside.write("weights.bin", floats(&[10.0, 20.0]));
    let absolute = outside.path().join("weights.bin").display().to_string();
    for location in ["../weights.bin", "data/../../weights.bin", &absolute, ""] {
        let folder = Folder::of_model(&model_with(location));
        let reason = Artifact::read(folder.path()).expect_err("it lies elsewhere");
        assert!(reason.contains("outside its version folder"), "{location}: {reason}");
        assert!(Artifact::of_file(&folder.path().join("model.onnx")).is_err(), "{location}");
    }
}

#[test]
fn a_link_that_leads_external_data_out_of_the_folder_is_refused_and_one_within_is_not() {
    let outside = Folder::new();
    outside.write("weights.bin", floats(&[10.0, 20.0]));
    let folder = Folder::of_model(&model_with("weights.bin"));
    symlink(outside.path().join("weights.bin"), folder.path().join("weights.bin")).expect("a link");
    assert!(Artifact::read(folder.path()).expect_err("a link out").contains("outside its version folder"));

    let folder = Folder::of_model(&model_with("data/weights.bin"));
    symlink(outside.path(), folder.path().join("data")).expect("a link");
    assert!(Artifact::read(folder.path()).expect_err("a linked folder").contains("outside its version folder"));

    let folder = Folder::of_model(&model_with("weights.bin"));
    folder.write("v1.bin", floats(&[10.0, 20.0]));
    symlink("v1.bin", folder.path().join("weights.bin")).expect("a link");
    assert!(Artifact::read(folder.path()).is_ok());
}

#[test]
fn what_is_missing_is_named() {
    let empty = Folder::new();
    let reason = Artifact::read(empty.path()).expect_err("there is no model");
    assert!(reason.starts_with("cannot read") && reason.contains("model.onnx"), "{reason}");
    let folder = Folder::of_model(&model_with("weights.bin"));
    let reason = Artifact::read(folder.path()).expect_err("there are no weights");
    assert!(reason.starts_with("cannot read the external data \"weights.bin\" of model.onnx"), "{reason}");
}

#[test]
fn external_data_that_is_too_short_is_refused_when_the_model_loads() {
    let folder = folder_with("weights.bin");
    folder.write("weights.bin", floats(&[10.0]));
    let artifact = Artifact::read(folder.path()).expect("the file is there");
    let reason =
        runtime().load(&artifact, LoadOptions::of(&VersionSettings::default())).err().expect("a number is missing");
    assert!(!reason.is_empty());
}

#[test]
fn a_pipe_or_a_device_is_refused_and_not_waited_for() {
    let folder = folder_with("weights.bin");
    let mkfifo = |name: &str| {
        let path = folder.path().join(name);
        std::fs::remove_file(&path).ok();
        assert!(Command::new("mkfifo").arg(&path).status().expect("the tool").success());
    };
    for name in ["notes.txt", "weights.bin", "model.onnx"] {
        mkfifo(name);
        let reason = Artifact::read(folder.path()).expect_err("a pipe never ends");
        assert!(reason.contains(&format!("{name} is no regular file")), "{reason}");
    }
    let device = Folder::of_model(&model_with("weights.bin"));
    symlink("/dev/zero", device.path().join("weights.bin")).expect("a link");
    assert!(Artifact::read(device.path()).is_err());
}
