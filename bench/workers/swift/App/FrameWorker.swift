// Looks at the camera's frames: loads on a queue of its own, answers on the camera's.

import CoreVideo
import Foundation

/// All that changes is touched under `lock`, hence `@unchecked`.
final class FrameWorker: @unchecked Sendable {
    struct Report: Sendable {
        var answer: Answer?
        var frame = CGSize.zero  // of the upright frame, in pixels
        var speed = ""
        var trouble = ""
    }

    /// Called on any queue; to be set before the first package is loaded.
    var onReport: @Sendable (Report) -> Void = { _ in }
    private let lock = NSLock()
    private let loading = DispatchQueue(label: "loading", qos: .userInitiated)
    private var recognizer: Recognizer?
    private var loads = 0
    private var rate = FrameRate()

    /// From the answer to this on, frames are for this package; a later call overtakes it.
    func load(_ file: ModelFile, unit: String) {
        let number = unload()
        loading.async {
            do {
                let loaded = try Recognizer(file, unit: unit)
                self.locked { if self.loads == number { self.recognizer = loaded } }
            } catch {
                self.tell(Report(trouble: error.words), ofLoad: number)
            }
        }
    }

    /// The number of the next load.
    @discardableResult
    func unload() -> Int {
        locked {
            loads += 1
            recognizer = nil
            rate = FrameRate()
            return loads
        }
    }

    func look(at frame: CVPixelBuffer) {
        let begin = System.now()
        let (loaded, number) = locked { () -> (Recognizer?, Int) in
            rate.cameFrame(at: begin)
            return (recognizer, loads)
        }
        guard let loaded = loaded else { return }
        var result = Report()
        do {
            result.answer = try loaded.answer(to: frame, orientation: .right)  // held upright
            result.frame = Recognizer.upright(frame, .right)
        } catch {
            result.trouble = error.words
        }
        let end = System.now()
        result.speed = locked { () -> String in
            rate.ended(at: end, tookNs: end - begin)
            return rate.words
        }
        tell(result, ofLoad: number)
    }

    func missFrame() {
        locked { rate.cameFrame(at: System.now()) }
    }

    private func tell(_ result: Report, ofLoad number: Int) {
        if locked({ loads == number }) { onReport(result) }
    }

    @discardableResult
    private func locked<Result>(_ body: () -> Result) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return body()
    }
}

extension Error {
    var words: String { (self as? WorkerError)?.reason ?? localizedDescription }
}
