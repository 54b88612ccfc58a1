use super::*;
use crate::pipeline::testing::{Rig, run, settings};
use crate::reactor::Task;

fn built(pairs: &[(&str, &str)]) -> Exec {
    Exec::new(&settings("a1.sources.r1", pairs))
}

/// A running source; resolves when it has ended.
async fn start(rig: &Rig, pairs: &[(&str, &str)]) -> Task {
    let mut source = (KIND.build)(&settings("a1.sources.r1", pairs)).unwrap();
    source.open(&rig.cx).await.unwrap();
    let running = source.run(rig.cx.clone());
    rig.cx.core.task("exec", async move { running.await.unwrap() })
}

/// Lines that a shell command gives, whole, and the exit code.
fn output_of(pairs: &[(&str, &str)]) -> (Vec<String>, i32) {
    let exec = built(pairs);
    let result = std::rc::Rc::new(std::cell::RefCell::new(None));
    let slot = result.clone();
    run(|core| async move {
        let rig = Rig::new(&core, &[("capacity", "10000")]).await;
        let child = exec.start(&core).unwrap();
        let code = exec.read(&rig.cx, child).await.unwrap();
        let queued = usize::try_from(rig.queued().await).unwrap();
        *slot.borrow_mut() = Some((rig.take(queued).await, code));
    });
    result.take().unwrap()
}

fn shell(command: &str) -> Vec<String> {
    output_of(&[("command", command), ("shell", "/bin/sh -c")]).0
}

#[test]
fn a_command_is_split_on_white_space_and_a_shell_gets_it_whole() {
    let line = command_line(None, "tail  -F\t\"/a b\"");
    assert_eq!(
        (line.program.as_str(), line.args),
        ("tail", ["-F", "\"/a", "b\""].map(str::to_owned).to_vec())
    );
    let line = command_line(Some("/bin/sh  -c"), "echo  'a b'");
    assert_eq!(
        (line.program.as_str(), line.args),
        ("/bin/sh", ["-c", "echo  'a b'"].map(str::to_owned).to_vec())
    );
    assert_eq!(shell_word(&command_line(None, "tail -F x | grep y")), Some("|"));
    assert_eq!(shell_word(&command_line(Some("sh -c"), "tail -F x | grep y")), None);
}

/// Flume: TestExecSource.testProcess.
#[test]
fn every_line_of_the_output_becomes_an_event() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("input");
    let lines: Vec<String> = (0..1_000).map(|n| format!("{n} Les œufs")).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let command = format!("cat {}", path.display());
    for (batch_size, charset) in [("20", "UTF-8"), ("1", "UTF-8"), ("-1", "UTF-8"), ("5000", "windows-1252")]
    {
        let pairs = [("command", command.as_str()), ("batchSize", batch_size), ("charset", charset)];
        let (read, code) = output_of(&pairs);
        assert_eq!(code, 0);
        assert!(read == lines, "batchSize {batch_size} in {charset}");
    }
    assert_eq!(shell("printf 'a\\r\\nb\\rc\\n\\nlast'"), ["a", "b", "c", "", "last"]);
}

/// Flume: testShellCommandSimple, …BackTicks, …Complex, …EmbeddingAndEscaping.
#[test]
fn a_shell_reads_the_command_as_it_would_on_a_terminal() {
    assert_eq!(shell("seq 5"), ["1", "2", "3", "4", "5"]);
    assert_eq!(shell("echo `seq 3`"), ["1 2 3"]);
    assert_eq!(shell("echo -n"), Vec::<String>::new());
    assert_eq!(shell("for i in 1 2; do echo \"$i  x\" | tr x y; done"), ["1  y", "2  y"]);
    assert_eq!(shell("echo 'a \"quoted\" $HOME \\z'"), ["a \"quoted\" $HOME \\z"]);
}

#[test]
fn the_exit_code_is_known_and_standard_error_blocks_nothing() {
    for (log, command, code) in [("false", "exit 3", 3), ("true", "kill -9 $$", 137)] {
        let noisy = format!("head -c 300000 /dev/zero >&2; echo out; {command}");
        let (lines, found) = output_of(&[("command", &noisy), ("shell", "sh -c"), ("logStdErr", log)]);
        assert_eq!((lines, found), (vec!["out".to_owned()], code));
    }
}

/// Flume: testBatchTimeout.
#[test]
fn a_batch_that_does_not_fill_goes_when_its_time_is_over() {
    run(|core| async move {
        let rig = Rig::new(&core, &[]).await;
        let pairs = [
            ("command", "for i in 1 2 3; do echo $i; done; exec sleep 60"),
            ("shell", "/bin/sh -c"),
            ("batchSize", "50000"),
            ("batchTimeout", "300"),
        ];
        let began = core.now();
        let mut task = start(&rig, &pairs).await;
        assert_eq!(rig.take(3).await, ["1", "2", "3"]);
        assert!(core.now() - began < 30_000_000_000, "long before the command ends");
        rig.stopper.stop();
        task.join().await.unwrap();
    });
}

/// Flume: testRestart.
#[test]
fn a_command_that_ends_is_started_again_when_that_is_asked_for() {
    run(|core| async move {
        let rig = Rig::new(&core, &[]).await;
        let restarting = [("command", "echo again"), ("restart", "true"), ("restartThrottle", "10")];
        let mut task = start(&rig, &restarting).await;
        assert_eq!(rig.take(3).await, ["again"; 3]);
        rig.stopper.stop();
        task.join().await.unwrap();

        let rig = Rig::new(&core, &[]).await;
        let mut task = start(&rig, &[("command", "echo once")]).await;
        task.join().await.unwrap();
        assert_eq!(rig.take(1).await, ["once"]);
        assert_eq!(rig.queued().await, 0);
    });
}

fn is_alive(pid: &str) -> bool {
    // A zombie is dead: only its parent has not looked yet.
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

/// Flume: testShutdown. Its descendants end, too, and so does a command that ignores SIGTERM.
#[test]
fn a_stop_ends_the_command_and_its_children() {
    for command in [
        "echo $$; sleep 600 & echo $!; wait",
        "trap '' TERM; echo $$; sleep 600 & echo $!; while :; do sleep 1; done",
    ] {
        run(|core| async move {
            let rig = Rig::new(&core, &[]).await;
            let mut task =
                start(&rig, &[("command", command), ("shell", "/bin/sh -c"), ("batchTimeout", "20")]).await;
            let pids = rig.take(2).await;
            assert!(pids.iter().all(|pid| is_alive(pid)), "{command}");
            rig.stopper.stop();
            task.join().await.unwrap();
            while pids.iter().any(|pid| is_alive(pid)) {
                core.sleep(Duration::from_millis(5)).await;
            }
        });
    }
}

#[test]
fn what_was_printed_before_the_stop_is_delivered() {
    run(|core| async move {
        let rig = Rig::new(&core, &[]).await;
        let command = "trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.02; done";
        let pairs = [("command", command), ("shell", "/bin/sh -c"), ("batchTimeout", "20")];
        let mut task = start(&rig, &pairs).await;
        assert_eq!(rig.take(1).await, ["hello"]);
        rig.stopper.stop();
        task.join().await.unwrap();
        assert_eq!(rig.take(1).await, ["bye"]);
    });
}

#[test]
fn a_full_channel_holds_the_command_back_and_nothing_is_lost() {
    run(|core| async move {
        let small = [("capacity", "10"), ("transactionCapacity", "10"), ("keep-alive", "0")];
        let rig = Rig::new(&core, &small).await;
        let mut task = start(&rig, &[("command", "seq 1 300"), ("batchTimeout", "20")]).await;
        let mut read = Vec::new();
        while read.len() < 300 {
            rig.until_queued(1).await;
            let refusals = rig.cx.metrics.channel_failures.get();
            read.extend(rig.take(1).await);
            // Now and then the channel stays full long enough for the source to be refused again.
            while read.len() % 100 == 50 && rig.cx.metrics.channel_failures.get() == refusals {
                core.sleep(Duration::from_millis(1)).await;
            }
        }
        assert!(read.iter().map(|n| n.parse::<u32>().unwrap()).eq(1..=300), "{read:?}");
        task.join().await.unwrap();
        let m = &rig.cx.metrics;
        assert_eq!((m.events_received.get(), m.events_accepted.get(), m.events_refused.get()), (300, 300, 0));
    });
}

#[test]
fn a_stop_with_a_full_channel_ends_soon() {
    run(|core| async move {
        let small = [("capacity", "1"), ("transactionCapacity", "1"), ("keep-alive", "0")];
        let rig = Rig::new(&core, &small).await;
        let mut task = start(&rig, &[("command", "yes")]).await;
        rig.until_queued(1).await;
        rig.stopper.stop();
        task.join().await.unwrap();
        let m = &rig.cx.metrics;
        assert_eq!(m.events_received.get(), m.events_accepted.get() + m.events_refused.get());
    });
}

#[test]
fn a_command_that_cannot_start_says_what_was_tried() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    run(|core| async move {
        let rig = Rig::new(&core, &[]).await;
        for (pairs, parts) in [
            (
                &[("command", "no-such-program -x")][..],
                ["tried program \"no-such-program\" with [\"-x\"]", "PATH"],
            ),
            (
                &[("command", "echo x"), ("shell", "/no/such/shell -c")],
                ["\"/no/such/shell\"", "[\"-c\", \"echo x\"]"],
            ),
            (&[("command", &path)], [&path, "may not be executed"]),
        ] {
            let mut source = (KIND.build)(&settings("a1.sources.r1", pairs)).unwrap();
            let error = source.open(&rig.cx).await.unwrap_err().line();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    });
}
