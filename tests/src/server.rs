//! `serve` as a client sees it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::{Run, Sandbox, program};

/// A server on a free port of this machine, with the model of the tiny config.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `127.0.0.1:PORT`
    pub address: String,
    stderr: BufReader<ChildStderr>,
}

impl Server {
    /// Waits until it listens.
    pub fn start(sandbox: &Sandbox, options: &[&str]) -> Server {
        let mut command = Server::command(sandbox, &["--port", "0"]);
        let mut child = command.args(options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let stdout = child.stdout.take().unwrap();
        // From here on it ends with its owner, whatever happens.
        let mut server = Server { child, address: String::new(), stderr };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let Some(address) = line.trim_end().strip_prefix("http://") else {
            server.stderr.read_to_string(&mut line).unwrap();
            panic!("it does not listen: {line}")
        };
        server.address = address.to_owned();
        server
    }

    /// The program with the tiny config.
    pub fn command(sandbox: &Sandbox, options: &[&str]) -> Command {
        let mut command = sandbox.program(program("serve"));
        command.args(["--config", "tiny.toml"]).args(options);
        command
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// Status code and body of the answer to a request with `body`.
    pub fn ask(&self, line: &str, headers: &[&str], body: &str) -> (u16, String) {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}");
        let mut stream = self.connect();
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} $0");
        Command::new("sh").args(["-c", &kill, &self.child.id().to_string()]).status().unwrap();
    }

    /// Asks it to stop, and returns once it says that it will.
    pub fn ask_to_stop(&mut self) {
        self.signal("TERM");
        self.await_line("SIGTERM");
    }

    /// Reads until a line with `part`.
    pub fn await_line(&mut self, part: &str) {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "it ended without a word of {part}");
        }
    }

    /// How it ended; what it said before is read already.
    pub fn end(mut self) -> Run {
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        Run { code: self.child.wait().unwrap().code(), stdout: String::new(), stderr }
    }

    /// In kilobytes.
    pub fn resident_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
