// Where Core ML means to run each operation: bench/placement.py, by Apple's names in Swift.

#if canImport(CoreML)
import CoreML
import Foundation

enum CoreMLPlan {
    /// Of a compiled model: given a package, Core ML ends the process (coremltools#2757).
    static func ops(_ compiled: URL, unit: String) throws -> [PlacedOp] {
        guard #available(macOS 14.4, iOS 17.4, *) else {
            throw WorkerError("where operations run is told from macOS 14.4 and iOS 17.4 on")
        }
        return try waiting {
            let configuration = try CoreMLUnit.configuration(unit)
            let plan = try await MLComputePlan.load(
                contentsOf: compiled, configuration: configuration)
            guard case .program(let program) = plan.modelStructure else {
                throw WorkerError("it is not an ML Program: its operations have no estimated costs")
            }
            return program.functions.sorted { $0.key < $1.key }.flatMap { name, function in
                function.block.operations
                    .filter { $0.operatorName.split(separator: ".").last != "const" }
                    .map { operation in
                        let usage = plan.deviceUsage(for: operation)
                        return PlacedOp(
                            function: name, name: operation.outputs.first?.name ?? "",
                            type: operation.operatorName,
                            preferred: usage.map { word($0.preferred) } ?? "",
                            supported: usage?.supported.map(word) ?? [],
                            cost: plan.estimatedCost(of: operation)?.weight)
                    }
            }
        }
    }

    @available(macOS 14, iOS 17, *)
    private static func word(_ device: MLComputeDevice) -> String {
        switch device {
        case .cpu: return "CPU"
        case .gpu: return "GPU"
        case .neuralEngine: return "ANE"
        @unknown default: return "unknown"
        }
    }

    /// The answer of what a framework offers to asynchronous callers alone.
    private static func waiting(
        _ work: @escaping @Sendable () async throws -> [PlacedOp]
    ) throws -> [PlacedOp] {
        let (done, answer) = (DispatchSemaphore(value: 0), Answer())
        Task.detached {
            do {
                answer.ops = .success(try await work())
            } catch let error as WorkerError {
                answer.ops = .failure(error)
            } catch {
                answer.ops = .failure(
                    WorkerError("Core ML has no compute plan: \(error.localizedDescription)"))
            }
            done.signal()
        }
        done.wait()
        return try answer.ops!.get()
    }

    /// Written before the semaphore is signalled, read after.
    private final class Answer: @unchecked Sendable {
        var ops: Result<[PlacedOp], WorkerError>?
    }
}
#endif
