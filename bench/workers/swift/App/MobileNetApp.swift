// Written by mobilenet-coreml: `python -m bench app` puts packages into it.

import SwiftUI
import UIKit

@main
struct MobileNetApp: App {
    var body: some Scene {
        WindowGroup {
            CameraScreen().onAppear { UIApplication.shared.isIdleTimerDisabled = true }
        }
    }
}
