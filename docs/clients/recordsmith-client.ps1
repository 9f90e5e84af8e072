<#
.SYNOPSIS
Reports START and END of an instrument PC to recordsmith; keeps them while it is off line. Windows PowerShell 5.1, no modules.

.DESCRIPTION
start, end  put the event into the queue and send what is there
flush       send what is in the queue, unless the server was just away; -Now: in any case
status      what is in the queue, and whether a session is open here

Exit codes: 0 all sent; 64 wrong usage; 65 an event was refused (it is in the folder `refused`); 75 it waits in the queue;
77 the token was refused; 78 a setting is missing or the address is wrong.
What it does, and how it is set up: docs/instrument-pc.md.

.EXAMPLE
powershell -NoProfile -ExecutionPolicy Bypass -File recordsmith-client.ps1 start -User $env:USERNAME
#>
param(
    [Parameter(Position = 0)] [string] $Command = '',
    [string] $Url = $env:RS_URL,
    [string] $Instrument = $env:RS_INSTRUMENT,
    [string] $TokenFile = $env:RS_TOKEN_FILE,
    [string] $Queue = $env:RS_QUEUE,
    [string] $User = '',
    [string] $Session = '',
    [string] $Note = '',
    [switch] $Now
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$ExitUsage = 64; $ExitRefused = 65; $ExitLater = 75; $ExitRights = 77; $ExitConfiguration = 78
$Utf8 = New-Object System.Text.UTF8Encoding $false
$Invariant = [Globalization.CultureInfo]::InvariantCulture

function Write-Fault([string] $text) { [Console]::Error.WriteLine("recordsmith-client: $text") }

function Stop-Client([int] $code, [string] $text) {
    Write-Fault $text
    exit $code
}

if (@('start', 'end', 'flush', 'status') -notcontains $Command) {
    Stop-Client $ExitUsage 'usage: recordsmith-client.ps1 start|end|flush|status [-User NAME] [-Session ID] [-Note TEXT] [-Now]'
}
if (-not $Queue) { $Queue = Join-Path $env:LOCALAPPDATA 'recordsmith-client' }
# .NET knows another working folder than PowerShell.
$Queue = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Queue)
$Waiting = Join-Path $Queue 'waiting'
$Refused = Join-Path $Queue 'refused'
$Current = Join-Path $Queue 'current'
$Sequence = Join-Path $Queue 'sequence'
$Failures = Join-Path $Queue 'failures'
$NotBefore = Join-Path $Queue 'not-before'
try {
    [void] [IO.Directory]::CreateDirectory($Waiting)
    [void] [IO.Directory]::CreateDirectory($Refused)
} catch {
    Stop-Client $ExitConfiguration "the folder $Queue cannot be made"
}

# --- small things -----------------------------------------------------------------------------------------------------

# What the clock shows, with its offset from UTC, in the digits of no particular country.
function Get-NowText { [DateTimeOffset]::Now.ToString("yyyy-MM-dd'T'HH:mm:ss.fffzzz", $Invariant) }

function Get-NowSeconds { [long] ([DateTime]::UtcNow - [DateTime] '1970-01-01').TotalSeconds }

function Read-Text([string] $path) {
    if (Test-Path -LiteralPath $path) { return [IO.File]::ReadAllText($path, $Utf8).Trim() }
    return ''
}

function Read-Number([string] $path) {
    $number = [long] 0
    if ([long]::TryParse((Read-Text $path), [ref] $number)) { return $number }
    return [long] 0
}

# A text into a file, at once or not at all.
function Save-Text([string] $path, [string] $text) {
    $unfinished = "$path.$PID"
    [IO.File]::WriteAllText($unfinished, $text, $Utf8)
    # Not Move-Item -Force, which deletes first.
    if ([IO.File]::Exists($path)) { [IO.File]::Replace($unfinished, $path, [NullString]::Value) }
    else { [IO.File]::Move($unfinished, $path) }
}

function Remove-IfThere([string] $path) {
    if (Test-Path -LiteralPath $path) { Remove-Item -LiteralPath $path -Force }
}

function Get-Events([string] $folder) {
    # By their code points: the order of a language would not be that of the numbers.
    $names = [string[]] @(Get-ChildItem -LiteralPath $folder -Filter '*.json' | ForEach-Object { $_.Name })
    [Array]::Sort($names, [StringComparer]::Ordinal)
    return , $names
}

# Windows ends the hold on a file with its process: a crash leaves no lock behind.
function Open-Lock([string] $name, [int] $seconds) {
    $until = [DateTime]::UtcNow.AddSeconds($seconds)
    $path = Join-Path $Queue "$name.lock"
    while ($true) {
        try {
            return [IO.File]::Open($path, [IO.FileMode]::OpenOrCreate, [IO.FileAccess]::ReadWrite, [IO.FileShare]::None)
        } catch {
            if ([DateTime]::UtcNow -ge $until) { return $null }
            Start-Sleep -Milliseconds 250
        }
    }
}

# --- the queue --------------------------------------------------------------------------------------------------------

function Add-Event([string] $kind) {
    $at = Get-NowText
    $lock = Open-Lock 'state' 10
    if ($null -eq $lock) { Stop-Client $ExitLater "another process keeps $Queue locked; nothing was noted down" }
    try {
        $identifier = $Session
        if ($kind -eq 'START') {
            if (-not $identifier) {
                $moment = [DateTime]::UtcNow.ToString("yyyyMMdd'T'HHmmss'Z'", $Invariant)
                $identifier = '{0}-{1}-{2}' -f $Instrument, $moment, [Guid]::NewGuid().ToString('N').Substring(0, 8)
            }
            if (Test-Path -LiteralPath $Current) { Write-Fault "the session before was not ended here: $(Read-Text $Current)" }
        } elseif (-not $identifier) {
            $identifier = Read-Text $Current
        }
        $said = [ordered] @{ instrument = $Instrument; event = $kind; timestamp = $at }
        if ($identifier) { $said['session_identifier'] = $identifier }
        if ($User) { $said['user'] = $User }
        if ($Note) { $said['note'] = $Note }
        # The number first: one that is left out harms nothing, one that comes twice would.
        $number = (Read-Number $Sequence) + 1
        Save-Text $Sequence ([string] $number)
        $name = '{0:d10}-{1}.json' -f $number, [Guid]::NewGuid().ToString('N')
        Save-Text (Join-Path $Waiting $name) (ConvertTo-Json -InputObject $said -Compress)
        if ($kind -eq 'START') { Save-Text $Current $identifier } else { Remove-IfThere $Current }
    } finally {
        $lock.Dispose()
    }
}

function Get-Token {
    if (-not $Url) { Stop-Client $ExitConfiguration 'no address: set RS_URL' }
    if (-not $TokenFile) { Stop-Client $ExitConfiguration 'no token: set RS_TOKEN_FILE' }
    try { $token = (Get-Content -LiteralPath $TokenFile -Raw).Trim() } catch {
        Stop-Client $ExitConfiguration "$TokenFile cannot be read"
    }
    if ($token -notmatch '^[A-Za-z0-9._~+/=-]+$') { Stop-Client $ExitConfiguration "$TokenFile does not hold a token" }
    return $token
}

function Read-Body($response) {
    $reader = New-Object IO.StreamReader -ArgumentList @($response.GetResponseStream(), $Utf8)
    try { return $reader.ReadToEnd() } finally { $reader.Dispose() }
}

# Sends one event: status (0: no answer), text, and the seconds the server asks to wait (0: it does not).
function Send-Event([string] $path, [string] $token) {
    $key = [IO.Path]::GetFileNameWithoutExtension($path).Split('-')[1]
    $said = Read-Text $path
    $body = $Utf8.GetBytes($said.Substring(0, $said.Length - 1) + ',"sent_at":"' + (Get-NowText) + '"}')
    $response = $null
    try {
        $request = [Net.HttpWebRequest] [Net.WebRequest]::Create($Url.TrimEnd('/') + '/api/v1/session-log')
        $request.Method = 'POST'
        $request.ContentType = 'application/json'
        $request.Timeout = 30000
        $request.ReadWriteTimeout = 30000
        $request.AllowAutoRedirect = $false
        $request.ServicePoint.Expect100Continue = $false
        $request.Headers.Add('Authorization', "Bearer $token")
        $request.Headers.Add('Idempotency-Key', $key)
        $stream = $request.GetRequestStream()
        try { $stream.Write($body, 0, $body.Length) } finally { $stream.Dispose() }
        $response = $request.GetResponse()
    } catch {
        # PowerShell wraps what .NET throws.
        $fault = $_.Exception
        while ($null -ne $fault -and $fault -isnot [Net.WebException]) { $fault = $fault.InnerException }
        if ($null -eq $fault -or $null -eq $fault.Response) {
            return @{ Status = 0; Text = $_.Exception.Message; Wait = 0 }
        }
        $response = $fault.Response
    }
    try {
        $wait = 0
        [void] [int]::TryParse([string] $response.Headers['Retry-After'], [ref] $wait)
        return @{ Status = [int] $response.StatusCode; Text = (Read-Body $response); Wait = $wait }
    } catch {
        # Cut off in the middle: the same key may be sent again.
        return @{ Status = 0; Text = $_.Exception.Message; Wait = 0 }
    } finally {
        $response.Dispose()
    }
}

# A member of a JSON answer; nothing where there is none.
function Get-Field([string] $text, [string] $name) {
    try { $answer = ConvertFrom-Json -InputObject $text } catch { return $null }
    if ($null -eq $answer) { return $null }
    $member = $answer.PSObject.Properties[$name]
    if ($null -eq $member) { return $null }
    return $member.Value
}

# The server is away or busy: the later, the longer it is.
function Set-BackOff([int] $asked) {
    $count = (Read-Number $Failures) + 1
    $delay = [Math]::Min(900, 15 * [Math]::Pow(2, [Math]::Min($count, 10) - 1))
    $delay = [Math]::Max($delay, [Math]::Min($asked, 99999))
    Save-Text $Failures ([string] $count)
    Save-Text $NotBefore ([string] [long] ((Get-NowSeconds) + $delay))
}

function Clear-BackOff {
    Remove-IfThere $Failures
    Remove-IfThere $NotBefore
}

# Sends what waits, in its order. Answers the exit code.
function Send-All([string] $token) {
    $outcome = 0
    while ($true) {
        $names = Get-Events $Waiting
        if ($names.Length -eq 0) { return $outcome }
        $path = Join-Path $Waiting $names[0]
        $answer = Send-Event $path $token
        $status = $answer.Status
        $detail = Get-Field $answer.Text 'detail'
        if ($status -ge 200 -and $status -lt 300) {
            $text = $answer.Text
            [Console]::Out.WriteLine("$(Get-Field $text 'event') of $(Get-Field $text 'session_key'): " +
                "$(Get-Field $text 'kind'), $(Get-Field $text 'status')")
            foreach ($warning in @(Get-Field $text 'warnings')) { if ($warning) { Write-Fault "warning: $warning" } }
            Remove-Item -LiteralPath $path -Force
            Clear-BackOff
        } elseif (@(400, 409, 413, 415, 422) -contains $status) {
            $kept = Join-Path $Refused $names[0]
            Save-Text ([IO.Path]::ChangeExtension($kept, 'answer')) $answer.Text
            Move-Item -LiteralPath $path -Destination $kept -Force
            Clear-BackOff
            Write-Fault "refused ($status): $detail See $Refused"
            $outcome = $ExitRefused
        } elseif (@(401, 403) -contains $status) {
            Write-Fault "the token was refused ($status): $detail $($names.Length) events wait"
            return $ExitRights
        } elseif ($status -eq 0 -or $status -ge 500 -or @(408, 425, 429) -contains $status) {
            Set-BackOff $answer.Wait
            $reason = if ($status -eq 0) { $answer.Text } else { $detail }
            Write-Fault "the server is away or busy ($status); $($names.Length) events wait. $reason"
            return $ExitLater
        } else {
            Write-Fault "answer ${status}: is the address $Url right? $detail $($names.Length) events wait"
            return $ExitConfiguration
        }
    }
}

# Waits up to so many seconds for another process that is sending. Answers the exit code.
function Send-Queue([int] $seconds) {
    if ((Get-Events $Waiting).Length -eq 0) { return 0 }
    $token = Get-Token
    # Windows PowerShell offers old protocols by default.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    $lock = Open-Lock 'send' $seconds
    if ($null -eq $lock) {
        Write-Fault 'another process is sending; the event waits'
        return $ExitLater
    }
    try { return (Send-All $token) } finally { $lock.Dispose() }
}

try {
    switch ($Command) {
        'status' {
            $open = Read-Text $Current
            if (-not $open) { $open = 'none' }
            [Console]::Out.WriteLine("waiting: $((Get-Events $Waiting).Length)")
            [Console]::Out.WriteLine("refused: $((Get-Events $Refused).Length)")
            [Console]::Out.WriteLine("open session: $open")
            exit 0
        }
        'flush' {
            # A clock that was set back must not make it wait for years.
            $left = (Read-Number $NotBefore) - (Get-NowSeconds)
            if (-not $Now -and $left -gt 0 -and $left -lt 100000) {
                Stop-Client $ExitLater 'the server was away; it is tried again later'
            }
            exit (Send-Queue 0)
        }
        default {
            if (-not $Instrument) { Stop-Client $ExitConfiguration 'no instrument: set RS_INSTRUMENT' }
            Add-Event ($Command.ToUpperInvariant())
            exit (Send-Queue 35)
        }
    }
} catch {
    Stop-Client $ExitConfiguration "$Queue cannot be used: $($_.Exception.Message)"
}
