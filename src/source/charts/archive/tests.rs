use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::{ArchiveError, BYTES_CAP, unpack, unpack_within};

fn entry(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o755);
    header
}

/// A path as it stands in the archive: the crate itself writes no bad ones.
fn named(mut header: Header, name: &str) -> Header {
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    header
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn archive(files: &[(&str, &str)]) -> Builder<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in files {
        let header = named(entry(EntryType::Regular, content.len() as u64), name);
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder
}

const CHART: (&str, &str) = ("web/Chart.yaml", "name: web\n");

fn unpacked(builder: Builder<Vec<u8>>) -> Result<Vec<String>, ArchiveError> {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let result = unpack(&gzip(&builder.into_inner().unwrap()), &inside);
    let outside: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside, ["inside"], "something left the folder");
    result.map(|chart| {
        assert_eq!(chart.parent(), Some(inside.as_path()));
        let mut found = Vec::new();
        list(&inside, &inside, &mut found);
        found.sort();
        found
    })
}

fn list(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.is_symlink());
        if path.is_dir() {
            list(root, &path, found);
        } else {
            let content = fs::read_to_string(&path).unwrap();
            found.push(format!("{}: {content}", path.strip_prefix(root).unwrap().display()));
        }
    }
}

#[test]
fn files_of_chart_are_unpacked() {
    let mut builder = archive(&[("./", ""), ("web/templates/a.yaml", "a"), CHART]);
    builder.append(&named(entry(EntryType::XGlobalHeader, 0), "pax_global_header"), &b""[..]).unwrap();
    builder.append(&named(entry(EntryType::Directory, 0), "web/templates/"), &b""[..]).unwrap();
    builder.append(&named(entry(EntryType::Directory, 0), "web/empty"), &b""[..]).unwrap();
    let long = format!("web/files/{}", "x".repeat(200));
    builder.append_data(&mut entry(EntryType::Regular, 1), &long, &b"l"[..]).unwrap();
    // The first entry is a file of no name: it is no chart's.
    assert_eq!(unpacked(builder), Err(ArchiveError::NotOneFolder));

    let mut builder = archive(&[("web/templates/a.yaml", "a"), CHART]);
    builder.append(&named(entry(EntryType::XGlobalHeader, 0), "pax_global_header"), &b""[..]).unwrap();
    builder.append(&named(entry(EntryType::Directory, 0), "web/templates/"), &b""[..]).unwrap();
    builder.append_data(&mut entry(EntryType::Regular, 1), &long, &b"l"[..]).unwrap();
    let expected = [
        "web/Chart.yaml: name: web\n".to_owned(),
        format!("{long}: l"),
        "web/templates/a.yaml: a".to_owned(),
    ];
    assert_eq!(unpacked(builder), Ok(expected.to_vec()));
}

#[test]
fn paths_that_lead_out_are_refused() {
    for name in ["../x", "web/../../x", "/etc/x", "web/..", "web\\..\\x", "web/a\nb", ".."] {
        let found = unpacked(archive(&[CHART, (name, "x")]));
        assert!(matches!(&found, Err(ArchiveError::Outside(_))), "{name:?}: {found:?}");
    }
}

#[test]
fn links_devices_and_pipes_are_refused() {
    for (kind, target) in [
        (EntryType::Symlink, "/etc/passwd"),
        (EntryType::Symlink, "../../x"),
        (EntryType::Symlink, "Chart.yaml"),
        (EntryType::Link, "web/Chart.yaml"),
        (EntryType::Fifo, ""),
        (EntryType::Char, ""),
        (EntryType::Block, ""),
        (EntryType::GNUSparse, ""),
    ] {
        let mut builder = archive(&[CHART]);
        let mut header = entry(kind, 0);
        if !target.is_empty() {
            header.set_link_name(target).unwrap();
        }
        builder.append(&named(header, "web/templates"), &b""[..]).unwrap();
        let found = unpacked(builder);
        let is_refused = matches!(&found, Err(ArchiveError::Special(path)) if path == "\"web/templates\"");
        assert!(is_refused || kind == EntryType::GNUSparse && found.is_err(), "{kind:?} {target}: {found:?}");
    }
}

#[test]
fn archive_must_be_one_folder_with_a_chart() {
    for (files, expected) in [
        (&[CHART, ("other/x", "x")][..], ArchiveError::NotOneFolder),
        (&[CHART, ("x", "x")], ArchiveError::NotOneFolder),
        (&[("Chart.yaml", "x")], ArchiveError::NotOneFolder),
        (&[("web/values.yaml", "x")], ArchiveError::NoChart),
        (&[("web/Chart.yaml/x", "x")], ArchiveError::NoChart),
        (&[], ArchiveError::NoChart),
        (&[CHART, CHART], ArchiveError::Twice("\"web/Chart.yaml\"".to_owned())),
        (&[CHART, ("web/Chart.yaml/x", "x")], ArchiveError::Twice("\"web/Chart.yaml\"".to_owned())),
    ] {
        assert_eq!(unpacked(archive(files)), Err(expected), "{files:?}");
    }
}

#[test]
fn what_is_no_archive_or_cut_off_is_damaged() {
    let whole = gzip(&archive(&[CHART, ("web/values.yaml", &"x".repeat(10_000))]).into_inner().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let cut = &whole[..whole.len() / 2];
    for (number, bytes) in [cut, b"", b"<html>", &gzip(b"text"), &gzip(&[b'x'; 4096])].into_iter().enumerate()
    {
        let to = folder.path().join(number.to_string());
        fs::create_dir(&to).unwrap();
        let found = unpack(bytes, &to);
        assert!(matches!(found, Err(ArchiveError::Damaged | ArchiveError::NoChart)), "{number}: {found:?}");
    }
}

/// A stream of a header and then zeros, gzipped without holding it.
fn bomb(header: &Header, zeros: u64) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(header.as_bytes()).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), zeros), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bombs_are_stopped_while_they_are_read() {
    const MIB: u64 = 1024 * 1024;
    let ten_gib = 10 * 1024 * MIB;
    let unpack_bomb = |cap, kind, size, zeros| {
        let folder = tempfile::tempdir().unwrap();
        unpack_within(cap, &bomb(&named(entry(kind, size), "web/x"), zeros), folder.path())
    };
    // What the archive says of itself is enough.
    assert_eq!(unpack_bomb(BYTES_CAP, EntryType::Regular, ten_gib, 0), Err(ArchiveError::TooLarge));
    assert_eq!(unpack_bomb(BYTES_CAP, EntryType::Regular, BYTES_CAP + 1, 0), Err(ArchiveError::TooLarge));
    // Names and remarks that are no files are held in memory: no more than may be unpacked.
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        assert_eq!(unpack_bomb(MIB, kind, ten_gib, 3 * MIB), Err(ArchiveError::TooLarge), "{kind:?}");
    }
    // What an entry has that is skipped is read, too.
    assert_eq!(unpack_bomb(MIB, EntryType::XGlobalHeader, ten_gib, 3 * MIB), Err(ArchiveError::TooLarge));
}

#[test]
fn several_files_together_may_not_be_too_large() {
    let content = "x".repeat(600_000);
    let two = |cap| {
        let folder = tempfile::tempdir().unwrap();
        let builder = archive(&[CHART, ("web/a", &content), ("web/b", &content)]);
        unpack_within(cap, &gzip(&builder.into_inner().unwrap()), folder.path()).map(drop)
    };
    assert_eq!(two(1_000_000), Err(ArchiveError::TooLarge));
    assert_eq!(two(1_300_000), Ok(()));
}

#[test]
fn files_and_folders_are_counted() {
    let many = |count: usize| {
        let mut builder = archive(&[CHART]);
        for number in 0..count {
            let header = named(entry(EntryType::Regular, 0), &format!("web/f/{number}"));
            builder.append(&header, &b""[..]).unwrap();
        }
        unpacked(builder).map(|found| found.len())
    };
    assert_eq!(many(20_000 - 3), Ok(20_000 - 2));
    assert_eq!(many(20_000 - 2), Err(ArchiveError::TooMany));
    let deep = format!("web/{}x", "d/".repeat(45));
    let mut builder = archive(&[CHART]);
    for number in 0..500 {
        let name = format!("web/{number}/{}", &deep[4..]);
        builder.append(&named(entry(EntryType::Regular, 0), &name), &b""[..]).unwrap();
    }
    assert_eq!(unpacked(builder), Err(ArchiveError::TooMany), "folders count, too");
}
