// The packages that came with the app, and those that were put into its folder in Files.

import CoreML
import Foundation

struct ModelFile: Hashable, Identifiable, Sendable {
    let url: URL
    var id: String { url.path }
    var name: String { url.deletingPathExtension().lastPathComponent }
}

enum ModelLibrary {
    static var documents: URL { folder(.documentDirectory) }

    static func files() -> [ModelFile] {
        let bundled = Bundle.main.url(forResource: "Models", withExtension: nil)
        let added = documents.appendingPathComponent("Models")
        return [bundled, added, documents].compactMap { $0 }
            .flatMap(contents)
            .filter { ["mlpackage", "mlmodel"].contains($0.pathExtension) }
            .map(ModelFile.init)
            .sorted { $0.name < $1.name }
    }

    /// The compiled form, made once for each version of a package.
    static func compiled(_ file: ModelFile) throws -> URL {
        let values = try file.url.resourceValues(forKeys: [.contentModificationDateKey])
        let stamp = values.contentModificationDate?.timeIntervalSince1970 ?? 0
        let kept = folder(.cachesDirectory)
            .appendingPathComponent("\(file.url.lastPathComponent)-\(Int(stamp))")
        if let compiled = contents(kept).first { return compiled }
        try FileManager.default.createDirectory(at: kept, withIntermediateDirectories: true)
        return try CoreMLEngine().compile(file.url, into: kept)
    }

    private static func folder(_ kind: FileManager.SearchPathDirectory) -> URL {
        FileManager.default.urls(for: kind, in: .userDomainMask)[0]
    }

    static func contents(_ folder: URL) -> [URL] {
        let urls = try? FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil)
        return urls ?? []
    }
}
