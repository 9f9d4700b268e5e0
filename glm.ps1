# The whole of GlmCluster behind one word, for Windows: the same as the bash script `glm`.
#   glm test [PROJECT...]   run the tests (all, or those whose project name starts with a given word)
#   glm ANYTHING ELSE       the program itself; glm --help lists its commands
$ErrorActionPreference = 'Stop'
$root = $PSScriptRoot
$stamps = Join-Path $root 'artifacts/stamps'
$program = Join-Path $root 'artifacts/bin/Cli/release/glm.dll'

function Stop-WithMessage([string] $message) {
  [Console]::Error.WriteLine("glm: $message")
  exit 1
}

function Write-Note([string] $message) {
  [Console]::Error.WriteLine("glm: $message")
}

# True when the packages in a folder are those of its lock file.
function Test-Packages([string] $folder) {
  $installed = Join-Path $folder 'node_modules/.installed-package-lock.json'
  (Test-Path $installed) -and
    (Get-FileHash $installed).Hash -eq (Get-FileHash (Join-Path $folder 'package-lock.json')).Hash
}

# Installs what a folder's lock file names. npm checks every package against the lock's SHA-512; no package's own script runs.
function Install-Packages([string] $folder) {
  if (-not (Get-Command npm -ErrorAction Ignore)) {
    Stop-WithMessage 'npm was not found. Install Node.js 20 or later (https://nodejs.org); npm fetches the native parts.'
  }
  Write-Note "fetching packages for $folder ..."
  Push-Location $folder
  try { npm ci --ignore-scripts --no-audit --no-fund --loglevel=error | Out-Host } finally { Pop-Location }
  if ($LASTEXITCODE -ne 0) { Stop-WithMessage "npm could not fetch the packages of $folder (messages above)." }
  New-Item (Join-Path $folder 'node_modules') -ItemType Directory -Force | Out-Null # npm makes none where no package fits this machine
  Copy-Item (Join-Path $folder 'package-lock.json') (Join-Path $folder 'node_modules/.installed-package-lock.json')
}

# True when no source is newer than a stamp. A folder's own time changes when a file in it comes or goes.
function Test-UpToDate([string] $goal) {
  $stamp = Join-Path $stamps $goal
  if (-not ((Test-Path $stamp) -and (Test-Path $program))) { return $false }
  $since = (Get-Item $stamp).LastWriteTimeUtc
  $sources = 'Grains.Abstractions', 'Grains', 'Checkpoints', 'Engine', 'Silo', 'Gateway', 'Cli', 'bench',
    '*.props', 'global.json', 'GlmCluster.sln', 'BannedSymbols.txt', '.editorconfig'
  if ($goal -eq 'tests') { $sources += 'tests' }
  $newer = Get-Item ($sources | ForEach-Object { Join-Path $root $_ }) -Force |
    ForEach-Object { $_; if ($_.PSIsContainer) { Get-ChildItem $_.FullName -Recurse -Force } } |
    Where-Object { $_.FullName -notmatch '[\\/](node_modules|bin|obj)([\\/]|$)' -and $_.LastWriteTimeUtc -gt $since } |
    Select-Object -First 1
  return $null -eq $newer
}

# Builds a project or the solution and remembers it as a stamp with the time before the build.
function Invoke-Build([string] $goal, [string] $solution) {
  $wanted = (Get-Content (Join-Path $root 'global.json') -Raw | ConvertFrom-Json).sdk.version
  if (-not (Get-Command dotnet -ErrorAction Ignore)) {
    Stop-WithMessage "dotnet was not found. Install the .NET SDK $wanted or later (https://dot.net)."
  }
  Push-Location $root
  try { dotnet --version *> $null } catch { } finally { Pop-Location }
  if ($LASTEXITCODE -ne 0) { Stop-WithMessage "this needs the .NET SDK $wanted or a later 10.0 SDK (https://dot.net)." }

  Write-Note 'building ... (the first time takes about a minute)'
  $started = [DateTime]::UtcNow
  $log = dotnet build (Join-Path $root $solution) -c Release --nologo -v quiet -nodeReuse:false
  if ($LASTEXITCODE -ne 0) {
    $log | Sort-Object -Unique | ForEach-Object { [Console]::Error.WriteLine($_) }
    Stop-WithMessage 'the build failed (messages above).'
  }
  # What the tests need includes the program.
  foreach ($built in @($goal, 'program') | Select-Object -Unique) {
    $stamp = New-Item (Join-Path $stamps $built) -ItemType File -Force
    $stamp.LastWriteTimeUtc = $started
  }
}

# Makes everything that a goal (program or tests) and a command need; only one at a time, quick when nothing changed.
function Initialize-Goal([string] $goal, [string] $command, [string] $word) {
  $folders = @(Join-Path $root 'native')
  $solution = 'Cli/Cli.csproj'
  if ($goal -eq 'tests') {
    $folders += (Join-Path $root 'native/postgres'), (Join-Path $root 'tests/clients')
    $solution = 'GlmCluster.sln'
  }
  if ($command -in 'up', 'chaos' -or "$command $word" -eq 'bench cluster') { $folders += Join-Path $root 'native/postgres' }
  $missing = $folders | Where-Object { -not (Test-Packages $_) }
  if (-not $missing -and (Test-UpToDate $goal)) { return }

  New-Item $stamps -ItemType Directory -Force | Out-Null
  $mutex = [Threading.Mutex]::new($false, 'glmcluster-' + ($root.ToLowerInvariant() -replace '\W', '_'))
  try { [void] $mutex.WaitOne() } catch [Threading.AbandonedMutexException] { }
  try {
    $folders | Where-Object { -not (Test-Packages $_) } | ForEach-Object { Install-Packages $_ }
    if (-not (Test-UpToDate $goal)) { Invoke-Build $goal $solution }
  }
  finally { $mutex.ReleaseMutex() }
}

# Runs the built test projects one after the other and sums up.
function Invoke-Tests([string[]] $prefixes) {
  $passed = 0; $failed = 0; $skipped = 0
  $results = Join-Path $root 'artifacts/test-results'
  Remove-Item $results -Recurse -Force -ErrorAction Ignore
  New-Item $results -ItemType Directory | Out-Null
  foreach ($folder in Get-ChildItem (Join-Path $root 'tests') -Directory -Filter '*.Tests') {
    $project = $folder.Name
    if ($prefixes -and -not ($prefixes | Where-Object { $project.StartsWith($_) })) { continue }
    Write-Host "== $project"
    $trx = Join-Path $results "$project.trx"
    dotnet (Join-Path $root "artifacts/bin/$project/release/GlmCluster.$project.dll") `
      -noLogo -noColor -reporter quiet -longRunning 120 -trx $trx | Out-Host
    $code = $LASTEXITCODE
    $outcomes = @()
    if (Test-Path $trx) { $outcomes = @(([xml] (Get-Content $trx -Raw -Encoding UTF8)).TestRun.Results.UnitTestResult) }
    $bad = @($outcomes | Where-Object { $_ -and $_.outcome -notin 'Passed', 'NotExecuted', 'NotRunnable' })
    $bad | ForEach-Object { Write-Host "FAILED $($_.testName)" }
    if ($code -ne 0 -and $bad.Count -eq 0) {
      Write-Host "FAILED ${project}: the test run ended with exit code $code"
      $failed++
    }
    $failed += $bad.Count
    $passed += @($outcomes | Where-Object { $_.outcome -eq 'Passed' }).Count
    $skipped += @($outcomes | Where-Object { $_.outcome -eq 'NotExecuted' }).Count
  }
  Write-Host "$passed passed, $failed failed, $skipped skipped"
  exit [int] ($failed -gt 0 -or $passed -eq 0)
}

if ($args.Count -gt 0 -and $args[0] -eq 'test') {
  Initialize-Goal 'tests'
  Invoke-Tests @($args | Select-Object -Skip 1)
}

Initialize-Goal 'program' $args[0] $args[1]
if (-not (Get-Command dotnet -ErrorAction Ignore)) { Stop-WithMessage 'dotnet was not found. Install the .NET SDK (https://dot.net).' }
& dotnet $program @args
exit $LASTEXITCODE
