// Written by mobilenet-coreml: `python -m bench app` puts packages into it.

import SwiftUI
import UIKit

@main
struct MobileNetApp: App {
    var body: some Scene {
        WindowGroup {
            Screens().onAppear { UIApplication.shared.isIdleTimerDisabled = true }
        }
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
