//! Java's `ConcurrentHashMap`: a process that does what it is told, line by line.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use super::contestants::{Contestant, Threads, Times};

/// The process, and the folder for what it reads.
pub struct Java {
    process: Child,
    says: BufReader<ChildStdout>,
    hears: ChildStdin,
    folder: PathBuf,
}

impl Java {
    /// Compiles the program and starts it.
    pub fn start() -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("maps-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/maps/Maps.java");
        if !Command::new("javac").arg("-d").arg(&folder).arg(source).status()?.success() {
            return Err(io::Error::other("javac has failed"));
        }
        let mut java = Command::new("java");
        java.args(["-XX:+UseParallelGC", "-cp"]).arg(&folder).arg("Maps");
        let mut process = java.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(says), Some(hears)) = (process.stdout.take(), process.stdin.take()) else { unreachable!("piped") };
        Ok(Self { process, says: BufReader::new(says), hears, folder })
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.hears, "{line}").expect("Java hears");
        let mut answer = String::new();
        self.says.read_line(&mut answer).expect("Java answers");
        answer
    }

    fn write(&self, name: &str, words: impl Iterator<Item = u64>) -> String {
        let path = self.folder.join(name);
        let bytes: Vec<u8> = words.flat_map(u64::to_be_bytes).collect();
        fs::write(&path, bytes).expect("a file for Java");
        path.display().to_string()
    }
}

impl Contestant for Java {
    /// Puts keys into a new map.
    fn fill(&mut self, keys: &mut dyn Iterator<Item = u64>) {
        let path = self.write("keys", keys);
        self.ask(&format!("fill {path}"));
    }

    fn run(&mut self, threads: &Threads) -> Times {
        let name = |thread: usize| format!("operations-{thread}");
        let write = |(thread, operations): (usize, &Vec<_>)| {
            self.write(&name(thread), operations.iter().map(|operation: &super::keys::Operation| operation.word()))
        };
        let paths: Vec<String> = threads.iter().enumerate().map(write).collect();
        let answer = self.ask(&format!("run {}", paths.join(" ")));
        let mut numbers = answer.split_whitespace().map(|number| number.parse().expect("nanoseconds"));
        let mut next = || Duration::from_nanos(numbers.next().expect("two numbers"));
        Times { wall: next(), processor: next() }
    }

    fn sample(&mut self, _: &Threads, _: usize) -> Vec<u32> {
        unreachable!("Java is asked for speed only")
    }

    fn time_each(&mut self, _: u64, _: &mut dyn FnMut(usize, u32)) {
        unreachable!("Java is asked for speed only")
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        // It ends by itself where it cannot be killed: there is nothing more to read.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
