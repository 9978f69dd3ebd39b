// Results as they grow: whole lines, each on the disk before the next launch. Beside the file stands
// what its next line is should the app be ended meanwhile; that it is there says that more is to come.

import Foundation

struct Journal {
    private(set) var lines: [JSONObject] = []
    private let handle: FileHandle
    private let pending: URL
    private let end: Int  // of the last whole line, when it was opened

    static func pending(of file: URL) -> URL { file.appendingPathExtension("begun") }

    /// Reads a file, which it makes where there is none; changes nothing of one that is there.
    init(_ file: URL) throws {
        let manager = FileManager.default
        try manager.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        if !manager.fileExists(atPath: file.path) { try Data().write(to: file) }
        let content = try Data(contentsOf: file)
        let newline = UInt8(ascii: "\n")
        end = (content.lastIndex(of: newline) ?? -1) + 1
        lines = try content.prefix(end).split(separator: newline).map {
            try Message.decode(JSONObject.self, Data($0))
        }
        (handle, pending) = (try FileHandle(forUpdating: file), Self.pending(of: file))
    }

    /// Begins, or goes on: what was cut is removed, and a line that was to come is added.
    mutating func resume() throws {
        try handle.truncate(atOffset: UInt64(end))
        try handle.seekToEnd()
        if lines.isEmpty { try begin(nil) }
        let begun = (try? Data(contentsOf: pending)) ?? Data()
        if let next = try? Message.decode(JSONObject.self, begun), line(as: next) == nil {
            try append(next)
        }
    }

    mutating func append(_ line: JSONObject) throws {
        try handle.write(contentsOf: Message.encode(line) + Data("\n".utf8))
        try handle.synchronize()
        lines.append(line)
    }

    /// `line` is the next, unless another is appended before the app ends.
    func begin(_ line: JSONObject?) throws {
        try (line.map { try Message.encode($0) } ?? Data()).write(to: pending, options: .atomic)
    }

    /// Nothing more is to come.
    func finish() throws {
        try FileManager.default.removeItem(at: pending)
    }

    func lines(_ kind: String) -> [JSONObject] { lines.filter { $0["kind"]?.text == kind } }

    /// The line of the same kind, case and round.
    func line(as line: JSONObject) -> JSONObject? {
        lines.last { other in ["kind", "case", "round"].allSatisfy { other[$0] == line[$0] } }
    }
}
