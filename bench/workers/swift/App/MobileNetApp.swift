// Written by mobilenet-coreml: `python -m bench app` puts packages into it. A person who opens it
// sees the camera; a Mac that launches it with a job gets an answer, and nothing else happens.

import Foundation
import SwiftUI
import UIKit

@main
struct MobileNetApp: App {
    private let errand = Errand(
        environment: ProcessInfo.processInfo.environment, documents: ModelLibrary.documents)

    var body: some Scene {
        WindowGroup {
            Group {
                if let errand = errand {
                    Text("Measuring for a Mac").onAppear { Self.run(errand) }
                } else {
                    Screens()
                }
            }
            .onAppear { UIApplication.shared.isIdleTimerDisabled = true }
        }
    }

    /// Off the main thread, which the system wants answered; ends the app when it is done.
    private static func run(_ errand: Errand) {
        DispatchQueue.global(qos: .userInitiated).async {
            errand.run(engine: engine, environment: Device.environment)
        }
    }

    private static nonisolated func engine(_ runtime: String) throws -> any Engine {
        guard runtime == "coreml-native" else { throw WorkerError("the app has no \(runtime)") }
        return CoreMLEngine()
    }
}

/// While it measures there is no camera to go to.
private struct Screens: View {
    private enum Tab { case camera, measure }

    @StateObject private var model = MeasureModel()
    @State private var tab = Tab.camera

    var body: some View {
        if model.isRunning {
            MeasureScreen(model: model)
        } else {
            TabView(selection: $tab) {
                CameraScreen()
                    .tabItem { Label("Camera", systemImage: "camera") }
                    .tag(Tab.camera)
                MeasureScreen(model: model)
                    .tabItem { Label("Measure", systemImage: "stopwatch") }
                    .tag(Tab.measure)
            }
        }
    }
}
