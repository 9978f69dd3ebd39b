// The timed loop of bench/workers/measure.py. Warm-up by time, then a fixed number of samples;
// nothing is thrown away.

import Foundation

public typealias Call = () throws -> Void
/// A reading in nanoseconds.
public typealias Clock = () -> Int

public struct Timings: Equatable, Sendable {
    public var warmupNs: [Int] = []  // single calls, the first `keptWarmup`
    public var samplesNs: [Int] = []
    public var cpuNs: [Int] = []  // of each sample, all threads of the process together
    public var switches: Switches?
    public var callsPerSample = 1
    public var loopOverheadNs: Int?
}

public struct Loop {
    static let singleCallNs = 200_000  // a call this long is a sample by itself
    static let groupNs = 1_000_000  // shorter ones are grouped until a sample lasts 1 ms
    static let clockSteps = 100  // a sample lasts this many steps of the clock
    static let maxCalls = 1 << 20
    static let keptWarmup = 100

    public var clock: Clock = System.now
    public var cpuClock: Clock = System.cpuTime

    private let nothing: Call = {}

    public init() {}

    /// Time `call`. `check` runs after each sample, outside of the timed part, and throws to stop;
    /// `pace` waits before each call, which then is a sample by itself.
    public func measure(
        _ call: Call, warmupS: Double, warmupCalls: Int, samples: Int, pace: (() -> Void)? = nil,
        check: Call = {}
    ) throws -> Timings {
        var timings = Timings()
        timings.warmupNs = try warmUp(call, warmupS, warmupCalls, pace, check)
        timings.callsPerSample = pace == nil ? try callsPerSample(call) : 1
        timings.loopOverheadNs = try timed(nothing, 1000) / 1000
        timings.samplesNs.reserveCapacity(samples)
        timings.cpuNs.reserveCapacity(samples)
        let before = System.switches()
        for _ in 0..<samples {
            pace?()
            let begin = cpuClock()
            timings.samplesNs.append(try timed(call, timings.callsPerSample))
            timings.cpuNs.append(cpuClock() - begin)
            try check()
        }
        timings.switches = System.switches() - before
        return timings
    }

    /// Nanoseconds of `calls` calls in a row.
    @inline(never)
    public func timed(_ call: Call, _ calls: Int = 1) rethrows -> Int {
        if calls == 1 {  // no loop between the clock and the call
            let begin = clock()
            try call()
            return clock() - begin
        }
        let begin = clock()
        for _ in 0..<calls { try call() }
        return clock() - begin
    }

    /// Call for `seconds` and at least `atLeast` times; the first durations.
    func warmUp(
        _ call: Call, _ seconds: Double, _ atLeast: Int, _ pace: (() -> Void)?, _ check: Call
    ) throws -> [Int] {
        var durations: [Int] = []
        let begin = clock()
        var calls = 0
        while calls < atLeast || Double(clock() - begin) < seconds * 1e9 {
            pace?()
            let duration = try timed(call)
            if calls < Self.keptWarmup { durations.append(duration) }
            calls += 1
            try check()
        }
        return durations
    }

    /// 1 where a call can be timed alone, else the least power of two that fills a sample.
    func callsPerSample(_ call: Call) throws -> Int {
        let floor = Self.clockSteps * clockStep()
        var calls = 1
        while calls < Self.maxCalls {
            let median = try (0..<3).map { _ in try timed(call, calls) }.sorted()[1]
            if median >= max(floor, calls == 1 ? Self.singleCallNs : Self.groupNs) { break }
            calls *= 2
        }
        return calls
    }

    /// The least difference between readings of the clock that is not zero, in ns.
    func clockStep(readings: Int = 20) -> Int {
        (0..<readings).map { _ in
            let begin = clock()
            var now = begin
            while now == begin { now = clock() }
            return now - begin
        }.min()!
    }

    /// Call without a pause for `seconds`; a window after the other, as soon as it is over.
    public func soak(
        _ call: Call, seconds: Double, windowS: Double, thermal: () -> Thermal? = System.thermal,
        write: (SoakWindow) throws -> Void
    ) throws {
        let origin = clock()
        var (begin, worked, calls) = (origin, cpuClock(), 0)
        while Double(begin - origin) < seconds * 1e9 {
            try call()
            calls += 1
            let now = clock()
            if Double(now - begin) >= windowS * 1e9 {
                try write(
                    SoakWindow(
                        beginNs: begin - origin, tookNs: now - begin, cpuNs: cpuClock() - worked,
                        calls: calls, thermal: thermal()))
                worked = cpuClock()
                (begin, calls) = (clock(), 0)
            }
        }
    }
}

/// Waits for the next frame, as of a camera: a frame that comes during a call is lost.
public struct Frames {
    private let clock: Clock
    private let sleep: (Int) -> Void
    private let periodNs: Int
    private let origin: Int

    public init(
        hertz: Double, clock: @escaping Clock = System.now,
        sleep: @escaping (Int) -> Void = { Thread.sleep(forTimeInterval: Double($0) / 1e9) }
    ) {
        (self.clock, self.sleep) = (clock, sleep)
        periodNs = Int(1e9 / hertz)
        origin = clock()
    }

    public func wait() {
        let now = clock()
        let next = now + periodNs - (now - origin) % periodNs
        while true {
            let left = next - clock()
            if left <= 0 { return }
            sleep(left)
        }
    }
}
