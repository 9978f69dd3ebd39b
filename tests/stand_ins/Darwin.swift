// Just so much of Apple's C library, and of its Foundation, as the worker in Swift uses:
// clock_gettime_nsec_np(3), getrusage(2), sysctlbyname(3),
// developer.apple.com/documentation/foundation/processinfo.

@_exported import Foundation
@_exported import Glibc

public let CLOCK_UPTIME_RAW: Int32 = 8
public func clock_gettime_nsec_np(_ clock: Int32) -> UInt64 { 0 }

public let RUSAGE_SELF: Int32 = 0
@discardableResult
public func getrusage(_ who: Int32, _ usage: UnsafeMutablePointer<rusage>) -> Int32 { 0 }

@discardableResult
public func sysctlbyname(
    _ name: UnsafePointer<CChar>?, _ old: UnsafeMutableRawPointer?,
    _ oldSize: UnsafeMutablePointer<Int>?, _ new: UnsafeMutableRawPointer?, _ newSize: Int
) -> Int32 { 0 }

extension ProcessInfo {
    public var isLowPowerModeEnabled: Bool { false }
    public enum ThermalState: Int { case nominal, fair, serious, critical }
    public var thermalState: ThermalState { .nominal }
}
