//! Renaming, cutting, deleting.

use super::*;

/// Flume loses what is written between its last look and the rename; here the file is read on under its new name.
#[test]
fn a_file_renamed_to_a_name_that_does_not_match_is_read_to_its_end() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[("idleTimeout", "100")]).await;
        rig.append("a.log", "1\n");
        let source = rig.start().await;
        assert_eq!(rig.bodies(1).await, ["1"]);
        let old = rig.inode("a.log");
        rig.append("a.log", "2\n");
        disk::rename(rig.log("a.log"), rig.log("a.log.1")).unwrap();
        rig.append("a.log", "new\n");
        let mut bodies = rig.bodies(2).await;
        bodies.sort();
        assert_eq!(bodies, ["2", "new"]);
        // Its writer has not noticed yet.
        rig.append("a.log.1", "3\nlast");
        assert_eq!(rig.bodies(2).await, ["3", "last"]);
        rig.until("the old file is let go", || !rig.positions().contains_key(&old)).await;
        source.stop().await;
        assert_eq!(rig.positions(), BTreeMap::from([(rig.inode("a.log"), 4)]));
    });
}

/// Flume reads such a file again from its beginning.
#[test]
fn a_file_renamed_to_a_name_that_matches_is_read_on() {
    run(|core, dir| async move {
        let mut rig =
            Rig::new(core, dir, &[("filegroups.f1", "$DIR/logs/a.*"), ("fileHeader", "true")]).await;
        rig.append("a.log", "1\n");
        let source = rig.start().await;
        assert_eq!(rig.bodies(1).await, ["1"]);
        rig.append("a.log", "2\n");
        disk::rename(rig.log("a.log"), rig.log("a.log.1")).unwrap();
        rig.append("a.log", "new\n");
        let mut bodies = rig.bodies(2).await;
        bodies.sort();
        assert_eq!(bodies, ["2", "new"]);
        rig.append("a.log.1", "3\n");
        let line = rig.take(1).await.remove(0);
        assert_eq!(
            (line.body.as_str(), &line.headers["file"]),
            ("3", &rig.log("a.log.1").to_str().unwrap().to_owned())
        );
        source.stop().await;
        assert_eq!(rig.left().await, [] as [&str; 0]);
        let expected = BTreeMap::from([(rig.inode("a.log"), 4), (rig.inode("a.log.1"), 6)]);
        assert_eq!(rig.positions(), expected);
    });
}

#[test]
fn files_renamed_while_the_source_was_stopped_are_read_on() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[("filegroups.f1", "$DIR/logs/[ab]\\.log.?")]).await;
        if born(&rig.dir).is_none() {
            eprintln!("skipped: this file system knows no birth times");
            return;
        }
        rig.append("a.log", "a1\n");
        rig.append("b.log", "b1\n");
        let source = rig.start().await;
        rig.bodies(2).await;
        source.stop().await;
        rig.append("a.log", "a2\n");
        rig.append("b.log", "b2\n");
        disk::rename(rig.log("a.log"), rig.log("a.log~")).unwrap();
        disk::rename(rig.log("b.log"), rig.log("no-match")).unwrap();
        rig.append("a.log", "new\n");
        let source = rig.start().await;
        let mut bodies = rig.bodies(3).await;
        bodies.sort();
        assert_eq!(bodies, ["a2", "b2", "new"]);
        source.stop().await;
        assert_eq!(rig.left().await, [] as [&str; 0]);
    });
}

/// The successor of a deleted file often gets its inode number.
#[test]
fn a_successor_with_the_same_inode_is_read_from_its_beginning() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[]).await;
        if born(&rig.dir).is_none() {
            eprintln!("skipped: this file system knows no birth times");
            return;
        }
        rig.append("a.log", "1\n");
        let source = rig.start().await;
        rig.bodies(1).await;
        source.stop().await;
        disk::remove_file(rig.log("a.log")).unwrap();
        rig.append("a.log", "2\n3\n");
        let source = rig.start().await;
        assert_eq!(rig.bodies(2).await, ["2", "3"]);
        source.stop().await;
        assert_eq!(rig.left().await, [] as [&str; 0]);
    });
}

fn born(dir: &Path) -> Option<std::time::SystemTime> {
    disk::metadata(dir).unwrap().created().ok()
}

#[test]
fn a_file_that_was_cut_begins_anew() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[]).await;
        rig.append("a.log", "a longer line\n");
        let source = rig.start().await;
        rig.bodies(1).await;
        disk::write(rig.log("a.log"), "short\n").unwrap();
        assert_eq!(rig.bodies(1).await, ["short"]);
        source.stop().await;
        assert_eq!(rig.positions()[&rig.inode("a.log")], 6);
        disk::write(rig.log("a.log"), "x\n").unwrap();
        let source = rig.start().await;
        assert_eq!(rig.bodies(1).await, ["x"]);
        source.stop().await;
        assert_eq!(rig.left().await, [] as [&str; 0]);
    });
}

/// Flume: TestTaildirEventReader.testDeleteFiles; here what the open file still has is read.
#[test]
fn a_deleted_file_is_read_to_its_end_and_let_go() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[("idleTimeout", "100")]).await;
        rig.append("a.log", "1\n");
        let source = rig.start().await;
        rig.bodies(1).await;
        let mut writer = disk::File::options().append(true).open(rig.log("a.log")).unwrap();
        disk::remove_file(rig.log("a.log")).unwrap();
        writer.write_all(b"2\n").unwrap();
        assert_eq!(rig.bodies(1).await, ["2"]);
        rig.until("the file is let go", || rig.positions().is_empty()).await;
        rig.append("a.log", "3\n");
        assert_eq!(rig.bodies(1).await, ["3"]);
        source.stop().await;
    });
}

#[test]
fn two_names_of_one_file_give_its_lines_once() {
    run(|core, dir| async move {
        let mut rig = Rig::new(core, dir, &[]).await;
        rig.append("a.log", "1\n");
        disk::hard_link(rig.log("a.log"), rig.log("b.log")).unwrap();
        let source = rig.start().await;
        assert_eq!(rig.bodies(1).await, ["1"]);
        rig.append("b.log", "2\n");
        assert_eq!(rig.bodies(1).await, ["2"]);
        disk::remove_file(rig.log("a.log")).unwrap();
        rig.append("b.log", "3\n");
        assert_eq!(rig.bodies(1).await, ["3"]);
        source.stop().await;
        assert_eq!(rig.left().await, [] as [&str; 0]);
    });
}
