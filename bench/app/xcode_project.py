"""The project as Xcode keeps it: `project.pbxproj` and a shared scheme.

The classic form, which names every file (objectVersion 56), opens in Xcode 14 and later; its
sources take Xcode 15.3, the first that knows iOS 17.4. Packages lie in a folder reference: copied
as they are and compiled on the device, so that a new export changes no project. Fields are those
of Apple's own projects (coremltools' ModelRunner).
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from bench.app.property_list import Value, document

NAME = "MobileNet"  # of project, target, scheme and product
SOURCES, INFO = "Sources", "Info.plist"
BUNDLE = "org.mobilenet-coreml.app"  # and the team's identifier: Apple gives one to one team
TARGET_SETTINGS = {
    "CODE_SIGN_STYLE": "Automatic",
    "CURRENT_PROJECT_VERSION": "1",
    "ENABLE_USER_SCRIPT_SANDBOXING": "YES",
    "GENERATE_INFOPLIST_FILE": "NO",
    "INFOPLIST_FILE": INFO,
    "IPHONEOS_DEPLOYMENT_TARGET": "15.0",
    "LD_RUNPATH_SEARCH_PATHS": "$(inherited) @executable_path/Frameworks",
    "MARKETING_VERSION": "1.0",
    "PRODUCT_BUNDLE_IDENTIFIER": f"{BUNDLE}$(DEVELOPMENT_TEAM)",
    "PRODUCT_NAME": "$(TARGET_NAME)",
    "SDKROOT": "iphoneos",
    "SUPPORTED_PLATFORMS": "iphoneos iphonesimulator",
    "SWIFT_VERSION": "5.0",
    "TARGETED_DEVICE_FAMILY": "1,2",
}
CONFIGURATIONS = {
    "Debug": {"ONLY_ACTIVE_ARCH": "YES", "SWIFT_OPTIMIZATION_LEVEL": "-Onone"},
    "Release": {
        "SWIFT_COMPILATION_MODE": "wholemodule",
        "SWIFT_OPTIMIZATION_LEVEL": "-O",
        "VALIDATE_PRODUCT": "YES",
    },
}
FILE_TYPES = {".swift": "sourcecode.swift", ".json": "text.json", ".plist": "text.plist.xml"}


def identifier(key: str) -> str:
    """96 bits from a name: the same project every time."""
    return hashlib.sha256(key.encode()).hexdigest()[:24].upper()


def project(sources: Sequence[str], resources: Sequence[str], team: str) -> str:
    """The text of `project.pbxproj`.

    `sources` are names of Swift files in the folder `SOURCES`, `resources` those of files and
    folders beside it, which are copied into the app.
    """
    objects = _Objects()
    code = objects.group("sources", [objects.file(name) for name in sources], path=SOURCES)
    others = [objects.file(name) for name in (*resources, INFO)]
    product = objects.product()
    products = objects.group("products", [product], name="Products")
    root = objects.add(
        "project",
        "PBXProject",
        attributes={"BuildIndependentTargetsInParallel": "1", "LastUpgradeCheck": "1640"},
        buildConfigurationList=objects.configurations("project", CONFIGURATIONS),
        compatibilityVersion="Xcode 14.0",
        developmentRegion="en",
        hasScannedForEncodings="0",
        knownRegions=["en", "Base"],
        mainGroup=objects.group("main", [code, *others, products]),
        productRefGroup=products,
        projectDirPath="",
        projectRoot="",
        targets=[objects.target(product, sources, resources, team)],
    )
    return document(
        {
            "archiveVersion": "1",
            "classes": {},
            "objectVersion": "56",
            "objects": dict(sorted(objects.by_identifier.items())),
            "rootObject": root,
        }
    )


class _Objects:
    """What a project consists of; each method adds one and returns its identifier."""

    def __init__(self) -> None:
        self.by_identifier: dict[str, Value] = {}

    def add(self, key: str, isa: str, **fields: Value) -> str:
        self.by_identifier[identifier(key)] = {"isa": isa, **fields}
        return identifier(key)

    def file(self, name: str) -> str:
        kind = FILE_TYPES.get(PurePosixPath(name).suffix, "folder")
        return self.add(
            name, "PBXFileReference", lastKnownFileType=kind, path=name, sourceTree="<group>"
        )

    def product(self) -> str:
        return self.add(
            "product",
            "PBXFileReference",
            explicitFileType="wrapper.application",
            includeInIndex="0",
            path=f"{NAME}.app",
            sourceTree="BUILT_PRODUCTS_DIR",
        )

    def group(self, key: str, children: Sequence[str], **fields: str) -> str:
        return self.add(key, "PBXGroup", children=children, **fields, sourceTree="<group>")

    def target(
        self, product: str, sources: Sequence[str], resources: Sequence[str], team: str
    ) -> str:
        settings = {**TARGET_SETTINGS, "DEVELOPMENT_TEAM": team}
        return self.add(
            "target",
            "PBXNativeTarget",
            buildConfigurationList=self.configurations(
                "target", {"Debug": settings, "Release": settings}
            ),
            buildPhases=[
                self.phase("PBXSourcesBuildPhase", sources),
                self.phase("PBXFrameworksBuildPhase", []),
                self.phase("PBXResourcesBuildPhase", resources),
            ],
            buildRules=[],
            dependencies=[],
            name=NAME,
            productName=NAME,
            productReference=product,
            productType="com.apple.product-type.application",
        )

    def phase(self, isa: str, names: Sequence[str]) -> str:
        files = [
            self.add(f"build {name}", "PBXBuildFile", fileRef=identifier(name)) for name in names
        ]
        return self.add(
            isa, isa, buildActionMask="2147483647", files=files,
            runOnlyForDeploymentPostprocessing="0",
        )  # fmt: skip

    def configurations(self, key: str, settings: Mapping[str, Mapping[str, str]]) -> str:
        variants = [
            self.add(f"{key} {name}", "XCBuildConfiguration", buildSettings=values, name=name)
            for name, values in settings.items()
        ]
        return self.add(
            f"{key} configurations",
            "XCConfigurationList",
            buildConfigurations=variants,
            defaultConfigurationIsVisible="0",
            defaultConfigurationName="Release",
        )


_REFERENCE = (
    f'<BuildableReference BuildableIdentifier="primary" BlueprintIdentifier="'
    f'{identifier("target")}" BuildableName="{NAME}.app" BlueprintName="{NAME}" '
    f'ReferencedContainer="container:{NAME}.xcodeproj"/>'
)
SCHEME = f"""<?xml version="1.0" encoding="UTF-8"?>
<Scheme LastUpgradeVersion="1640" version="1.7">
   <BuildAction parallelizeBuildables="YES" buildImplicitDependencies="YES">
      <BuildActionEntries>
         <BuildActionEntry buildForTesting="YES" buildForRunning="YES" buildForProfiling="YES"
               buildForArchiving="YES" buildForAnalyzing="YES">
            {_REFERENCE}
         </BuildActionEntry>
      </BuildActionEntries>
   </BuildAction>
   <LaunchAction buildConfiguration="Release" selectedDebuggerIdentifier=""
         selectedLauncherIdentifier="Xcode.IDEFoundation.Launcher.PosixSpawn" launchStyle="0"
         useCustomWorkingDirectory="NO" ignoresPersistentStateOnLaunch="NO"
         debugDocumentVersioning="YES" debugServiceExtension="internal"
         allowLocationSimulation="YES">
      <BuildableProductRunnable runnableDebuggingMode="0">
         {_REFERENCE}
      </BuildableProductRunnable>
   </LaunchAction>
</Scheme>
"""
"""Runs what ships: optimized, and without a debugger, which slows calls down."""
