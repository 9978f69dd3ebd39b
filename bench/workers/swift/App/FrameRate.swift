// How often frames come, and how long the network takes for them.

struct FrameRate {
    private static let span = 1_000_000_000  // ns that are looked back on

    private var frames: [Int] = []  // when each came
    private var calls: [(end: Int, tookNs: Int)] = []

    /// A frame of the camera, looked at or not.
    mutating func cameFrame(at now: Int) {
        frames.append(now)
        frames.removeAll { $0 <= now - Self.span }
    }

    mutating func ended(at now: Int, tookNs: Int) {
        calls.append((now, tookNs))
        calls.removeAll { $0.end <= now - Self.span }
    }

    /// "12.3 ms, 20 of 30 frames a second": the camera's own are fewer in the dark.
    var words: String {
        guard !calls.isEmpty else { return "" }
        let sorted = calls.map(\.tookNs).sorted()
        let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        let tenths = (median + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10) ms, \(calls.count) of \(frames.count) frames a second"
    }
}
