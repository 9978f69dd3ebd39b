// What the system says of this process and this machine.

import Foundation

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// How often a thread of the process gave the processor up, of itself and for others.
public struct Switches: Equatable, Sendable {
    public var voluntary: Int
    public var involuntary: Int

    static func - (after: Switches, before: Switches) -> Switches {
        Switches(
            voluntary: after.voluntary - before.voluntary,
            involuntary: after.involuntary - before.involuntary)
    }
}

public enum System {
    /// Nanoseconds on the clock that the parent has, too: it starts with the machine and stands
    /// still while that sleeps.
    public static func now() -> Int {
        #if canImport(Darwin)
        return Int(clock_gettime_nsec_np(CLOCK_UPTIME_RAW))
        #else
        return reading(CLOCK_MONOTONIC)
        #endif
    }

    /// Nanoseconds that all threads of this process had a processor.
    public static func cpuTime() -> Int { reading(CLOCK_PROCESS_CPUTIME_ID) }

    private static func reading(_ clock: clockid_t) -> Int {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
    }

    public static func switches() -> Switches {
        let usage = usage()
        return Switches(voluntary: Int(usage.ru_nvcsw), involuntary: Int(usage.ru_nivcsw))
    }

    private static func usage() -> rusage {
        var usage = rusage()
        #if canImport(Darwin)
        getrusage(RUSAGE_SELF, &usage)
        #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        #endif
        return usage
    }

    /// High-water mark of this process's resident memory.
    public static func peakMemoryBytes() -> Int {
        #if canImport(Darwin)
        return Int(usage().ru_maxrss)  // bytes, by getrusage(2)
        #else
        // getrusage remembers, across exec, what the parent held when it forked.
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        guard let peak = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { return 0 }
        return (peak.split(separator: " ").compactMap { Int($0) }.first ?? 0) * 1024
        #endif
    }

    /// Let one runaway call fail by itself rather than take the machine down. Address space that
    /// is only reserved counts, hence twice the limit. Apple's systems do not enforce it.
    public static func bound(_ limitBytes: Int) {
        #if !canImport(Darwin)
        let bytes = rlim_t(2 * limitBytes)
        var limit = rlimit(rlim_cur: bytes, rlim_max: bytes)
        setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
        #endif
    }

    /// What Core ML leaves in Objective-C's pool is gone with what left it.
    static func pooled<Result>(_ body: () throws -> Result) rethrows -> Result {
        #if canImport(ObjectiveC)
        return try autoreleasepool(invoking: body)
        #else
        return try body()
        #endif
    }

    /// SIGALRM ends a process whatever its native code is doing, even if the parent is gone.
    public static func end(afterS seconds: Double) {
        alarm(UInt32(min(max(seconds, 0), 1e9)) + 2)
    }

    /// In the words of Darwin's OSThermalNotification.h, as bench/machine/thermal.py has them.
    public static func thermal() -> Thermal? {
        #if canImport(Darwin)
        let state = ProcessInfo.processInfo.thermalState.rawValue  // nominal, fair, serious, critical
        let words = ["nominal", "moderate", "heavy", "trapping"]
        return words.indices.contains(state) ? Thermal(pressure: words[state]) : nil
        #else
        return nil
        #endif
    }
}

/// Peak resident memory of this process, and a limit to it.
struct PeakMemory {
    let limitBytes: Int
    let startBytes = System.peakMemoryBytes()
    private(set) var peakBytes = 0

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    var growthBytes: Int { peakBytes - startBytes }

    /// Throws once the limit is passed.
    mutating func check() throws {
        peakBytes = System.peakMemoryBytes()
        guard peakBytes > limitBytes else { return }
        throw WorkerError(
            "took \(peakBytes >> 20) MiB of memory, \(growthBytes >> 20) of them while it ran; "
                + "the limit is \(limitBytes >> 20) MiB")
    }
}
