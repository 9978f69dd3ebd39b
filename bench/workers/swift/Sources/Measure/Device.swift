// What the device says of itself: Environment of bench/results/environment_record.py.

import Foundation

#if canImport(Darwin)
import Darwin
#endif
#if canImport(Metal)
import Metal
#endif
#if canImport(UIKit)
import UIKit
#endif

public struct DeviceEnvironment: Codable, Equatable, Sendable {
    public var system: String
    public var machine: String
    public var name = ""
    public var model: String
    public var processor: String
    public var physicalCores: Int
    public var logicalCores: Int
    public var memoryBytes: Int
    public var virtual: String
    public var powerSource: String
    public var battery: Double?
    public var lowPowerMode: Bool?
}

public enum Device {
    /// As it is now. On a phone the main thread must be free, or be the caller's.
    public static func environment() -> DeviceEnvironment {
        let (info, power) = (ProcessInfo.processInfo, power())
        let simulated = info.environment["SIMULATOR_MODEL_IDENTIFIER"]
        let model = simulated ?? sysctl(isPhone ? "hw.machine" : "hw.model")
        return DeviceEnvironment(
            system: system(info.operatingSystemVersion), machine: architecture,
            name: name(of: model), model: model, processor: processor(),
            // Those that are active are fewer where it is hot, and it is the same phone.
            physicalCores: info.processorCount, logicalCores: info.processorCount,
            memoryBytes: Int(info.physicalMemory), virtual: simulated == nil ? "" : "Simulator",
            powerSource: power.source, battery: power.battery, lowPowerMode: isSavingPower)
    }

    /// What its maker calls it; the identifier itself where the table does not have it.
    public static func name(of model: String) -> String { deviceNames[model] ?? model }

    /// "A17 Pro" of Metal's "Apple A17 Pro GPU".
    static func chip(ofGPU name: String) -> String {
        name.split(separator: " ").filter { $0 != "Apple" && $0 != "GPU" }.joined(separator: " ")
    }

    private static func processor() -> String {
        #if canImport(Metal)
        if isPhone, let gpu = MTLCreateSystemDefaultDevice() { return chip(ofGPU: gpu.name) }
        #endif
        let brand = sysctl("machdep.cpu.brand_string")
        return brand.isEmpty ? architecture : brand
    }

    private static func system(_ version: OperatingSystemVersion) -> String {
        #if canImport(UIKit)
        let name = "iOS"
        #elseif canImport(Darwin)
        let name = "macOS"
        #else
        let name = "Linux"
        #endif
        let patch = version.patchVersion == 0 ? "" : ".\(version.patchVersion)"
        return "\(name) \(version.majorVersion).\(version.minorVersion)\(patch)"
    }

    private static var isPhone: Bool {
        #if canImport(UIKit)
        return true
        #else
        return false
        #endif
    }

    private static var architecture: String {
        #if arch(arm64)
        return "arm64"
        #else
        return "x86_64"
        #endif
    }

    private static var isSavingPower: Bool? {
        #if canImport(Darwin)
        return ProcessInfo.processInfo.isLowPowerModeEnabled
        #else
        return nil
        #endif
    }

    /// What feeds it, and how full its battery is; only an app is told.
    private static func power() -> (source: String, battery: Double?) {
        #if canImport(UIKit)
        return onMain {
            let device = UIDevice.current
            device.isBatteryMonitoringEnabled = true
            let level = Double(device.batteryLevel)  // -1 where it is not told
            let battery = level < 0 ? nil : min(level, 1)
            switch device.batteryState {
            case .unplugged: return ("battery", battery)
            case .charging, .full: return ("mains", battery)
            default: return ("unknown", battery)
            }
        }
        #else
        return ("unknown", nil)
        #endif
    }

    #if canImport(UIKit)
    private static func onMain<Answer: Sendable>(_ ask: @MainActor @Sendable () -> Answer) -> Answer {
        if Thread.isMainThread { return MainActor.assumeIsolated(ask) }
        return DispatchQueue.main.sync { MainActor.assumeIsolated(ask) }
    }
    #endif

    private static func sysctl(_ name: String) -> String {
        #if canImport(Darwin)
        var size = 0
        guard sysctlbyname(name, nil, &size, nil, 0) == 0 else { return "" }
        var bytes = [UInt8](repeating: 0, count: size)
        guard sysctlbyname(name, &bytes, &size, nil, 0) == 0 else { return "" }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        #else
        return ""
        #endif
    }
}
