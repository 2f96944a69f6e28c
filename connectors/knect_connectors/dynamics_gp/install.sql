/*
  What Knect needs in a Dynamics GP company database: schema `knect` with views, procedures and
  three small tables, and a role that may use nothing else. Safe to run again at any time.

  Run it in the COMPANY database as a member of db_owner (SQL Server Management Studio or sqlcmd),
  after setting the two names below. Nothing of GP is changed: no table, no procedure, no trigger.

  Built from documentation; it has never run on a real GP. `knect check` says what is not right.
*/
SET ANSI_NULLS ON;
SET QUOTED_IDENTIFIER ON;
SET NOCOUNT ON;
GO
IF SCHEMA_ID('knect') IS NULL EXEC('CREATE SCHEMA knect AUTHORIZATION dbo');
GO
/* ---- set these two names ------------------------------------------------------------------- */
DECLARE @system sysname, @login sysname, @sql nvarchar(max);
SET @system = N'DYNAMICS';   -- the system database of this GP
SET @login = N'knect';       -- the SQL login Knect uses; create it first, with a password of its own
/* -------------------------------------------------------------------------------------------- */
IF OBJECT_ID('knect.taErrorCode', 'SN') IS NOT NULL DROP SYNONYM knect.taErrorCode;
SET @sql = N'CREATE SYNONYM knect.taErrorCode FOR ' + QUOTENAME(@system) + N'.dbo.taErrorCode';
EXEC(@sql);
IF DATABASE_PRINCIPAL_ID('knect_role') IS NULL CREATE ROLE knect_role;
IF SUSER_ID(@login) IS NOT NULL
BEGIN
  IF DATABASE_PRINCIPAL_ID(@login) IS NULL
  BEGIN
    SET @sql = N'CREATE USER ' + QUOTENAME(@login) + N' FOR LOGIN ' + QUOTENAME(@login);
    EXEC(@sql);
  END;
  EXEC sp_addrolemember 'knect_role', @login;
  SET @sql = N'USE ' + QUOTENAME(@system) + N'; IF DATABASE_PRINCIPAL_ID('
    + QUOTENAME(@login, '''') + N') IS NULL CREATE USER ' + QUOTENAME(@login) + N' FOR LOGIN '
    + QUOTENAME(@login) + N'; GRANT SELECT ON dbo.taErrorCode TO ' + QUOTENAME(@login);
  EXEC(@sql);
END
ELSE PRINT 'There is no such login yet: create it, then run this script again.';
GO

/* ---- what Knect remembers: nothing but what it wrote, and when a figure last changed ---------- */
IF OBJECT_ID('knect.knect_delivery', 'U') IS NULL
CREATE TABLE knect.knect_delivery (
  external_id varchar(80) NOT NULL CONSTRAINT pk_knect_delivery PRIMARY KEY,
  SOPTYPE smallint NOT NULL,
  SOPNUMBE char(21) NOT NULL,
  CUSTNMBR char(15) NOT NULL,
  content varchar(64) NOT NULL,
  trace varchar(32) NOT NULL,
  written datetime NOT NULL CONSTRAINT df_knect_delivery DEFAULT GETUTCDATE()
);
GO
IF INDEXPROPERTY(OBJECT_ID('knect.knect_delivery'), 'ix_knect_delivery', 'IndexID') IS NULL
  CREATE INDEX ix_knect_delivery ON knect.knect_delivery (SOPTYPE, SOPNUMBE);
GO
IF OBJECT_ID('knect.knect_line', 'U') IS NULL
CREATE TABLE knect.knect_line (
  SOPTYPE smallint NOT NULL,
  SOPNUMBE char(21) NOT NULL,
  LNITMSEQ int NOT NULL,
  line_id varchar(80) NOT NULL,
  CONSTRAINT pk_knect_line PRIMARY KEY (SOPTYPE, SOPNUMBE, LNITMSEQ)
);
GO
IF OBJECT_ID('knect.knect_mark', 'U') IS NULL
CREATE TABLE knect.knect_mark (
  entity varchar(10) NOT NULL,
  mark varchar(80) NOT NULL,
  fingerprint varchar(1000) NOT NULL,
  changed datetime NOT NULL,
  swept datetime NOT NULL,
  CONSTRAINT pk_knect_mark PRIMARY KEY (entity, mark)
);
GO
IF INDEXPROPERTY(OBJECT_ID('knect.knect_mark'), 'ix_knect_mark', 'IndexID') IS NULL
  CREATE INDEX ix_knect_mark ON knect.knect_mark (entity, changed);
GO

/* ---- views -------------------------------------------------------------------------------------- */
IF OBJECT_ID('knect.clock', 'V') IS NOT NULL DROP VIEW knect.clock;
GO
CREATE VIEW knect.clock AS
SELECT GETUTCDATE() AS now_utc;
GO

IF OBJECT_ID('knect.documents', 'V') IS NOT NULL DROP VIEW knect.documents;
GO
CREATE VIEW knect.documents AS
SELECT SOPTYPE, SOPNUMBE, 'work' AS stage, DOCID, DOCDATE, CUSTNMBR, CUSTNAME, CSTPONBR, BACHNUMB,
  LOCNCODE, SHIPMTHD, CURNCYID, ORSUBTOT AS SUBTOTAL, ORFRTAMT AS FRTAMNT,
  ORMISCAMT AS MISCAMNT, ORTDISAM AS TRDISAMT, ORTAXAMT AS TAXAMNT, ORDOCAMT AS DOCAMNT,
  VOIDSTTS, ORIGTYPE, ORIGNUMB, ShipToName, ADDRESS1, ADDRESS2, ADDRESS3, CITY, STATE, ZIPCODE,
  COUNTRY, PHNUMBR1, ACTLSHIP, CREATDDT, DEX_ROW_TS AS changed
FROM dbo.SOP10100
UNION ALL
SELECT SOPTYPE, SOPNUMBE, 'history' AS stage, DOCID, DOCDATE, CUSTNMBR, CUSTNAME, CSTPONBR, BACHNUMB,
  LOCNCODE, SHIPMTHD, CURNCYID, ORSUBTOT AS SUBTOTAL, ORFRTAMT AS FRTAMNT,
  ORMISCAMT AS MISCAMNT, ORTDISAM AS TRDISAMT, ORTAXAMT AS TAXAMNT, ORDOCAMT AS DOCAMNT,
  VOIDSTTS, ORIGTYPE, ORIGNUMB, ShipToName, ADDRESS1, ADDRESS2, ADDRESS3, CITY, STATE, ZIPCODE,
  COUNTRY, PHNUMBR1, ACTLSHIP, CREATDDT, DEX_ROW_TS AS changed
FROM dbo.SOP30200;
GO

IF OBJECT_ID('knect.document_lines', 'V') IS NOT NULL DROP VIEW knect.document_lines;
GO
CREATE VIEW knect.document_lines AS
SELECT t.SOPTYPE, t.SOPNUMBE, t.LNITMSEQ, t.ITEMNMBR, t.ITEMDESC, t.QUANTITY, t.ORUNTPRC AS UNITPRCE,
  t.OXTNDPRC AS XTNDPRCE, t.QTYCANCE, t.QTYTBAOR, t.QTYFULFI, t.ATYALLOC, t.UOFM, t.ORGSEQNM, t.LOCNCODE,
  k.line_id
FROM dbo.SOP10200 AS t
LEFT JOIN knect.knect_line AS k
  ON k.SOPTYPE = t.SOPTYPE AND k.SOPNUMBE = t.SOPNUMBE AND k.LNITMSEQ = t.LNITMSEQ
WHERE t.CMPNTSEQ = 0
UNION ALL
SELECT t.SOPTYPE, t.SOPNUMBE, t.LNITMSEQ, t.ITEMNMBR, t.ITEMDESC, t.QUANTITY, t.ORUNTPRC AS UNITPRCE,
  t.OXTNDPRC AS XTNDPRCE, t.QTYCANCE, t.QTYTBAOR, t.QTYFULFI, t.ATYALLOC, t.UOFM, t.ORGSEQNM, t.LOCNCODE,
  k.line_id
FROM dbo.SOP30300 AS t
LEFT JOIN knect.knect_line AS k
  ON k.SOPTYPE = t.SOPTYPE AND k.SOPNUMBE = t.SOPNUMBE AND k.LNITMSEQ = t.LNITMSEQ
WHERE t.CMPNTSEQ = 0;
GO

IF OBJECT_ID('knect.document_taxes', 'V') IS NOT NULL DROP VIEW knect.document_taxes;
GO
CREATE VIEW knect.document_taxes AS
SELECT SOPTYPE, SOPNUMBE, TAXDTLID, STAXAMNT, FRTTXAMT, MSCTXAMT
FROM dbo.SOP10105
WHERE LNITMSEQ = 0;
GO

IF OBJECT_ID('knect.order_marks', 'V') IS NOT NULL DROP VIEW knect.order_marks;
GO
CREATE VIEW knect.order_marks AS
SELECT SOPNUMBE, DEX_ROW_TS AS changed FROM dbo.SOP10100 WHERE SOPTYPE = 2
UNION ALL
SELECT SOPNUMBE, DEX_ROW_TS AS changed FROM dbo.SOP30200 WHERE SOPTYPE = 2
UNION ALL
SELECT SOPNUMBE, DEX_ROW_TS AS changed FROM dbo.SOP10200 WHERE SOPTYPE = 2
UNION ALL
SELECT SOPNUMBE, DEX_ROW_TS AS changed FROM dbo.SOP30300 WHERE SOPTYPE = 2;
GO

IF OBJECT_ID('knect.deliveries', 'V') IS NOT NULL DROP VIEW knect.deliveries;
GO
CREATE VIEW knect.deliveries AS
SELECT external_id, SOPTYPE, SOPNUMBE, CUSTNMBR, content
FROM knect.knect_delivery WITH (READCOMMITTEDLOCK);
GO

IF OBJECT_ID('knect.returns', 'V') IS NOT NULL DROP VIEW knect.returns;
GO
CREATE VIEW knect.returns AS
SELECT k.external_id, k.content, d.SOPNUMBE, d.DOCAMNT, d.VOIDSTTS
FROM knect.knect_delivery AS k
JOIN knect.documents AS d ON d.SOPTYPE = k.SOPTYPE AND d.SOPNUMBE = k.SOPNUMBE
WHERE k.SOPTYPE = 4;
GO

IF OBJECT_ID('knect.adoptable', 'V') IS NOT NULL DROP VIEW knect.adoptable;
GO
CREATE VIEW knect.adoptable AS
SELECT d.SOPTYPE, d.SOPNUMBE, d.CUSTNMBR, d.CSTPONBR, d.VOIDSTTS, d.DOCAMNT, k.external_id
FROM knect.documents AS d
LEFT JOIN knect.knect_delivery AS k ON k.SOPTYPE = d.SOPTYPE AND k.SOPNUMBE = d.SOPNUMBE;
GO

IF OBJECT_ID('knect.items', 'V') IS NOT NULL DROP VIEW knect.items;
GO
CREATE VIEW knect.items AS
SELECT ITEMNMBR, ITEMDESC, ITEMTYPE, INACTIVE, ALWBKORD, ITMSHNAM, ITMCLSCD, ITEMSHWT, SELNGUOM, DECPLCUR,
  DEX_ROW_TS AS changed
FROM dbo.IV00101;
GO

IF OBJECT_ID('knect.tax_details', 'V') IS NOT NULL DROP VIEW knect.tax_details;
GO
CREATE VIEW knect.tax_details AS
SELECT TAXDTLID, TXDTLPCT FROM dbo.TX00201 WHERE TXDTLTYP = 1;
GO

IF OBJECT_ID('knect.customers', 'V') IS NOT NULL DROP VIEW knect.customers;
GO
CREATE VIEW knect.customers AS
SELECT CUSTNMBR, CUSTNAME, CUSTCLAS, CNTCPRSN, ADRSCODE, PHONE1, TXRGNNUM, HOLD, INACTIVE,
  CREATDDT, DEX_ROW_TS AS changed
FROM dbo.RM00101;
GO

IF OBJECT_ID('knect.customer_emails', 'V') IS NOT NULL DROP VIEW knect.customer_emails;
GO
CREATE VIEW knect.customer_emails AS
SELECT s.Master_ID AS CUSTNMBR, s.INET1, c.CUSTNAME, c.HOLD, c.INACTIVE
FROM dbo.SY01200 AS s
JOIN dbo.RM00101 AS c ON c.CUSTNMBR = s.Master_ID
WHERE s.Master_Type = 'CUS' AND s.INET1 <> '';
GO

IF OBJECT_ID('knect.customer_addresses', 'V') IS NOT NULL DROP VIEW knect.customer_addresses;
GO
CREATE VIEW knect.customer_addresses AS
SELECT a.CUSTNMBR, a.ADRSCODE, a.SHIPTONAME, a.CNTCPRSN, a.ADDRESS1, a.ADDRESS2, a.ADDRESS3,
  a.CITY, a.STATE, a.ZIP, a.COUNTRY, a.PHONE1, s.INET1
FROM dbo.RM00102 AS a
LEFT JOIN dbo.SY01200 AS s
  ON s.Master_Type = 'CUS' AND s.Master_ID = a.CUSTNMBR AND s.ADRSCODE = a.ADRSCODE;
GO

IF OBJECT_ID('knect.customer_marks', 'V') IS NOT NULL DROP VIEW knect.customer_marks;
GO
CREATE VIEW knect.customer_marks AS
SELECT CUSTNMBR, DEX_ROW_TS AS changed FROM dbo.RM00101
UNION ALL
SELECT CUSTNMBR, DEX_ROW_TS AS changed FROM dbo.RM00102
UNION ALL
SELECT Master_ID AS CUSTNMBR, DEX_ROW_TS AS changed FROM dbo.SY01200 WHERE Master_Type = 'CUS';
GO

IF OBJECT_ID('knect.levels', 'V') IS NOT NULL DROP VIEW knect.levels;
GO
CREATE VIEW knect.levels AS
SELECT m.mark, q.ITEMNMBR, q.LOCNCODE, i.ITEMTYPE, q.QTYONHND, q.ATYALLOC, q.QTYBKORD, q.QTYONORD,
  i.SELNGUOM, m.swept, m.changed
FROM knect.knect_mark AS m
JOIN dbo.IV00102 AS q ON RTRIM(q.ITEMNMBR) + '@' + RTRIM(q.LOCNCODE) = m.mark AND q.RCRDTYPE = 2
JOIN dbo.IV00101 AS i ON i.ITEMNMBR = q.ITEMNMBR
WHERE m.entity = 'inventory';
GO

IF OBJECT_ID('knect.price_lines', 'V') IS NOT NULL DROP VIEW knect.price_lines;
GO
CREATE VIEW knect.price_lines AS
SELECT RTRIM(p.ITEMNMBR) + '|' + RTRIM(p.PRCLEVEL) + '|' + RTRIM(p.CURNCYID) + '|' + RTRIM(p.UOFM)
    + '|' + CAST(p.FROMQTY AS varchar(30)) AS mark,
  p.ITEMNMBR, p.CURNCYID, p.PRCLEVEL, p.UOFM, p.FROMQTY, p.UOMPRICE, c.LISTPRCE, i.INACTIVE
FROM dbo.IV00108 AS p
JOIN dbo.IV00101 AS i ON i.ITEMNMBR = p.ITEMNMBR
LEFT JOIN dbo.IV00105 AS c ON c.ITEMNMBR = p.ITEMNMBR AND c.CURNCYID = p.CURNCYID;
GO

IF OBJECT_ID('knect.prices', 'V') IS NOT NULL DROP VIEW knect.prices;
GO
CREATE VIEW knect.prices AS
SELECT p.mark, p.ITEMNMBR, p.CURNCYID, p.PRCLEVEL, p.UOFM, p.FROMQTY, p.UOMPRICE, p.LISTPRCE, p.INACTIVE,
  m.changed
FROM knect.knect_mark AS m
JOIN knect.price_lines AS p ON p.mark = m.mark
WHERE m.entity = 'prices';
GO

/* Of which order a document is: made of it, of its back order, or of an order made of that one. UNION
   and not UNION ALL: what is just being moved may be seen in work and in history. */
IF OBJECT_ID('knect.origins', 'V') IS NOT NULL DROP VIEW knect.origins;
GO
CREATE VIEW knect.origins AS
SELECT d.SOPTYPE, d.SOPNUMBE, d.ORIGNUMB AS ORDNUMBE
FROM knect.documents AS d
WHERE d.ORIGTYPE = 2
UNION
SELECT d.SOPTYPE, d.SOPNUMBE, b.ORIGNUMB AS ORDNUMBE
FROM knect.documents AS d
JOIN knect.documents AS b ON b.SOPTYPE = 5 AND b.SOPNUMBE = d.ORIGNUMB AND b.ORIGTYPE = 2
WHERE d.ORIGTYPE = 5
UNION
SELECT d.SOPTYPE, d.SOPNUMBE, b.ORIGNUMB AS ORDNUMBE
FROM knect.documents AS d
JOIN knect.documents AS o ON o.SOPTYPE = 2 AND o.SOPNUMBE = d.ORIGNUMB AND o.ORIGTYPE = 5
JOIN knect.documents AS b ON b.SOPTYPE = 5 AND b.SOPNUMBE = o.ORIGNUMB AND b.ORIGTYPE = 2
WHERE d.ORIGTYPE = 2;
GO

IF OBJECT_ID('knect.invoices', 'V') IS NOT NULL DROP VIEW knect.invoices;
GO
CREATE VIEW knect.invoices AS
SELECT d.SOPNUMBE, g.ORDNUMBE, d.ORIGTYPE, d.ORIGNUMB, d.CSTPONBR, d.LOCNCODE, d.SHIPMTHD, d.VOIDSTTS,
  d.ACTLSHIP, d.DOCDATE, d.stage
FROM knect.documents AS d
JOIN knect.origins AS g ON g.SOPTYPE = d.SOPTYPE AND g.SOPNUMBE = d.SOPNUMBE
JOIN knect.knect_delivery AS k ON k.SOPTYPE = 2 AND k.SOPNUMBE = g.ORDNUMBE
WHERE d.SOPTYPE = 3 AND d.stage = 'history';
GO

IF OBJECT_ID('knect.shipments', 'V') IS NOT NULL DROP VIEW knect.shipments;
GO
CREATE VIEW knect.shipments AS
SELECT d.SOPNUMBE, d.ORDNUMBE, d.ORIGTYPE, d.ORIGNUMB, d.CSTPONBR, d.LOCNCODE, d.SHIPMTHD, d.VOIDSTTS,
  d.ACTLSHIP, d.DOCDATE, m.changed
FROM knect.knect_mark AS m
JOIN knect.invoices AS d ON d.SOPNUMBE = m.mark
WHERE m.entity = 'shipments';
GO

/* What is compared where GP keeps no mark: the figures themselves, as text. */
IF OBJECT_ID('knect.fingerprints', 'V') IS NOT NULL DROP VIEW knect.fingerprints;
GO
CREATE VIEW knect.fingerprints AS
SELECT 'inventory' AS entity, RTRIM(ITEMNMBR) + '@' + RTRIM(LOCNCODE) AS mark,
  CAST(QTYONHND AS varchar(30)) + '|' + CAST(ATYALLOC AS varchar(30)) + '|'
    + CAST(QTYBKORD AS varchar(30)) + '|' + CAST(QTYONORD AS varchar(30)) AS fingerprint
FROM dbo.IV00102 WHERE RCRDTYPE = 2
UNION ALL
SELECT 'prices' AS entity, mark,
  CAST(UOMPRICE AS varchar(30)) + '|' + ISNULL(CAST(LISTPRCE AS varchar(30)), '') + '|'
    + CAST(INACTIVE AS varchar(3)) AS fingerprint
FROM knect.price_lines
UNION ALL
SELECT 'shipments' AS entity, RTRIM(d.SOPNUMBE) AS mark,
  CAST(d.VOIDSTTS AS varchar(6)) + CONVERT(varchar(23), d.ACTLSHIP, 126) + '|'
    + CAST(ISNULL((SELECT RTRIM(t.Tracking_Number) + ',' FROM dbo.SOP10107 AS t
        WHERE t.SOPTYPE = 3 AND t.SOPNUMBE = d.SOPNUMBE
        ORDER BY t.Tracking_Number FOR XML PATH('')), '') AS varchar(900)) AS fingerprint
FROM knect.invoices AS d;
GO

IF OBJECT_ID('knect.tracking', 'V') IS NOT NULL DROP VIEW knect.tracking;
GO
CREATE VIEW knect.tracking AS
SELECT SOPTYPE, SOPNUMBE, Tracking_Number FROM dbo.SOP10107;
GO

IF OBJECT_ID('knect.batches', 'V') IS NOT NULL DROP VIEW knect.batches;
GO
CREATE VIEW knect.batches AS
SELECT BACHNUMB, MKDTOPST, BCHSTTUS FROM dbo.SY00500 WHERE BCHSOURC = 'Sales Entry';
GO

IF OBJECT_ID('knect.setup', 'V') IS NOT NULL DROP VIEW knect.setup;
GO
CREATE VIEW knect.setup AS
SELECT 'document' AS kind, RTRIM(DOCID) AS name FROM dbo.SOP40200 WHERE SOPTYPE = 2
UNION ALL
SELECT 'site' AS kind, RTRIM(LOCNCODE) AS name FROM dbo.IV40700
UNION ALL
SELECT 'level' AS kind, RTRIM(PRCLEVEL) AS name FROM dbo.IV40800;
GO

IF OBJECT_ID('knect.facts', 'V') IS NOT NULL DROP VIEW knect.facts;
GO
CREATE VIEW knect.facts AS
SELECT 'install' AS name, '1' AS value
UNION ALL
SELECT 'currency' AS name, RTRIM(FUNLCURR) AS value FROM dbo.MC40000;
GO

IF OBJECT_ID('knect.closed_periods', 'V') IS NOT NULL DROP VIEW knect.closed_periods;
GO
CREATE VIEW knect.closed_periods AS
SELECT PERIODDT, PERDENDT FROM dbo.SY40100 WHERE SERIES = 3 AND CLOSED = 1;
GO

/* What this GP's eConnect procedures take, as of this run: `knect check` compares. */
IF OBJECT_ID('knect.knect_parameter', 'U') IS NOT NULL DROP TABLE knect.knect_parameter;
GO
SELECT o.name AS procedure_name, p.name AS parameter_name, p.max_length AS length
INTO knect.knect_parameter
FROM sys.objects AS o
JOIN sys.parameters AS p ON p.object_id = o.object_id
WHERE o.schema_id = SCHEMA_ID('dbo') AND o.type = 'P' AND o.name LIKE 'ta%';
GO
IF OBJECT_ID('knect.parameters', 'V') IS NOT NULL DROP VIEW knect.parameters;
GO
CREATE VIEW knect.parameters AS
SELECT procedure_name, parameter_name, length FROM knect.knect_parameter;
GO

/* ---- procedures: each wraps one of eConnect's ---------------------------------------------------- */

IF OBJECT_ID('knect.next_number', 'P') IS NOT NULL DROP PROCEDURE knect.next_number;
GO
CREATE PROCEDURE knect.next_number
  @SOPTYPE tinyint,
  @DOCID char(15),
  @SOPNUMBE varchar(21) OUTPUT,
  @error int OUTPUT
AS
  SET NOCOUNT ON;
  EXEC dbo.taGetSopNumber
    @I_tSOPTYPE = @SOPTYPE,
    @I_cDOCID = @DOCID,
    @I_tInc_Dec = 1,
    @O_vSopNumber = @SOPNUMBE OUTPUT,
    @O_iErrorState = @error OUTPUT;
GO

IF OBJECT_ID('knect.sop_line', 'P') IS NOT NULL DROP PROCEDURE knect.sop_line;
GO
CREATE PROCEDURE knect.sop_line
  @SOPTYPE smallint,
  @SOPNUMBE char(21),
  @CUSTNMBR char(15),
  @DOCDATE datetime = '19000101',
  @LOCNCODE char(10) = '',
  @ITEMNMBR char(30),
  @UNITPRCE numeric(19,5) = 0,
  @XTNDPRCE numeric(19,5) = 0,
  @QUANTITY numeric(19,5) = 0,
  @QTYONHND numeric(19,5) = 0,
  @QTYRTRND numeric(19,5) = 0,
  @ITEMDESC char(100) = '',
  @TAXAMNT numeric(19,5) = 0,
  @NONINVEN smallint = 0,
  @UNITCOST numeric(19,5) = 0,
  @LNITMSEQ int,
  @DOCID char(15) = '',
  @UOFM char(8) = '',
  @CURNCYID char(15) = '',
  @QtyShrtOpt smallint = 0,
  @UpdateIfExists smallint = 0,
  @CMMTTEXT varchar(500) = '',
  @INTEGRATIONID char(30) = '',
  @ReqShipDate datetime = '19000101',
  @error int OUTPUT,
  @codes varchar(255) OUTPUT,
  @sentence varchar(255) OUTPUT
AS
  SET NOCOUNT ON;
  EXEC dbo.taSopLineIvcInsert
    @I_vSOPTYPE = @SOPTYPE,
    @I_vSOPNUMBE = @SOPNUMBE,
    @I_vCUSTNMBR = @CUSTNMBR,
    @I_vDOCDATE = @DOCDATE,
    @I_vLOCNCODE = @LOCNCODE,
    @I_vITEMNMBR = @ITEMNMBR,
    @I_vUNITPRCE = @UNITPRCE,
    @I_vXTNDPRCE = @XTNDPRCE,
    @I_vQUANTITY = @QUANTITY,
    @I_vQTYONHND = @QTYONHND,
    @I_vQTYRTRND = @QTYRTRND,
    @I_vITEMDESC = @ITEMDESC,
    @I_vTAXAMNT = @TAXAMNT,
    @I_vNONINVEN = @NONINVEN,
    @I_vUNITCOST = @UNITCOST,
    @I_vLNITMSEQ = @LNITMSEQ,
    @I_vDOCID = @DOCID,
    @I_vUOFM = @UOFM,
    @I_vCURNCYID = @CURNCYID,
    @I_vQtyShrtOpt = @QtyShrtOpt,
    @I_vUpdateIfExists = @UpdateIfExists,
    @I_vCMMTTEXT = @CMMTTEXT,
    @I_vINTEGRATIONID = @INTEGRATIONID,
    @I_vReqShipDate = @ReqShipDate,
    @O_iErrorState = @error OUTPUT,
    @oErrString = @codes OUTPUT;
  IF @error <> 0
    SELECT @sentence = LEFT(RTRIM(ErrorDesc), 255) FROM knect.taErrorCode WHERE ErrorCode = @error;
GO

IF OBJECT_ID('knect.sop_line_delete', 'P') IS NOT NULL DROP PROCEDURE knect.sop_line_delete;
GO
CREATE PROCEDURE knect.sop_line_delete
  @SOPTYPE smallint,
  @SOPNUMBE char(21),
  @LNITMSEQ int,
  @ITEMNMBR char(30),
  @error int OUTPUT,
  @codes varchar(255) OUTPUT,
  @sentence varchar(255) OUTPUT
AS
  SET NOCOUNT ON;
  EXEC dbo.taSopLineDelete
    @I_vSOPTYPE = @SOPTYPE,
    @I_vSOPNUMBE = @SOPNUMBE,
    @I_vLNITMSEQ = @LNITMSEQ,
    @I_vITEMNMBR = @ITEMNMBR,
    @O_iErrorState = @error OUTPUT,
    @oErrString = @codes OUTPUT;
  IF @error <> 0
    SELECT @sentence = LEFT(RTRIM(ErrorDesc), 255) FROM knect.taErrorCode WHERE ErrorCode = @error;
GO

IF OBJECT_ID('knect.sop_tax', 'P') IS NOT NULL DROP PROCEDURE knect.sop_tax;
GO
CREATE PROCEDURE knect.sop_tax
  @SOPTYPE smallint,
  @SOPNUMBE char(21),
  @CUSTNMBR char(15),
  @LNITMSEQ int,
  @SALESAMT numeric(19,5) = 0,
  @FRTTXAMT numeric(19,5) = 0,
  @MSCTXAMT numeric(19,5) = 0,
  @TAXDTLID char(15) = '',
  @STAXAMNT numeric(19,5) = 0,
  @error int OUTPUT,
  @codes varchar(255) OUTPUT,
  @sentence varchar(255) OUTPUT
AS
  SET NOCOUNT ON;
  EXEC dbo.taSopLineIvcTaxInsert
    @I_vSOPTYPE = @SOPTYPE,
    @I_vSOPNUMBE = @SOPNUMBE,
    @I_vCUSTNMBR = @CUSTNMBR,
    @I_vLNITMSEQ = @LNITMSEQ,
    @I_vSALESAMT = @SALESAMT,
    @I_vFRTTXAMT = @FRTTXAMT,
    @I_vMSCTXAMT = @MSCTXAMT,
    @I_vTAXDTLID = @TAXDTLID,
    @I_vSTAXAMNT = @STAXAMNT,
    @O_iErrorState = @error OUTPUT,
    @oErrString = @codes OUTPUT;
  IF @error <> 0
    SELECT @sentence = LEFT(RTRIM(ErrorDesc), 255) FROM knect.taErrorCode WHERE ErrorCode = @error;
GO

IF OBJECT_ID('knect.sop_user_defined', 'P') IS NOT NULL DROP PROCEDURE knect.sop_user_defined;
GO
CREATE PROCEDURE knect.sop_user_defined
  @SOPTYPE smallint,
  @SOPNUMBE char(21),
  @USERDEF1 char(20) = '',
  @USERDEF2 char(20) = '',
  @USRDEF03 char(20) = '',
  @error int OUTPUT,
  @codes varchar(255) OUTPUT,
  @sentence varchar(255) OUTPUT
AS
  SET NOCOUNT ON;
  EXEC dbo.taSopUserDefined
    @I_vSOPTYPE = @SOPTYPE,
    @I_vSOPNUMBE = @SOPNUMBE,
    @I_vUSERDEF1 = @USERDEF1,
    @I_vUSERDEF2 = @USERDEF2,
    @I_vUSRDEF03 = @USRDEF03,
    @O_iErrorState = @error OUTPUT,
    @oErrString = @codes OUTPUT;
  IF @error <> 0
    SELECT @sentence = LEFT(RTRIM(ErrorDesc), 255) FROM knect.taErrorCode WHERE ErrorCode = @error;
GO

IF OBJECT_ID('knect.sop_header', 'P') IS NOT NULL DROP PROCEDURE knect.sop_header;
GO
CREATE PROCEDURE knect.sop_header
  @SOPTYPE smallint,
  @DOCID char(15) = '',
  @SOPNUMBE char(21),
  @DOCDATE datetime = '19000101',
  @CUSTNMBR char(15),
  @CUSTNAME char(64) = '',
  @CSTPONBR char(20) = '',
  @BACHNUMB char(15) = '',
  @LOCNCODE char(10) = '',
  @SHIPMTHD char(15) = '',
  @PRBTADCD char(15) = '',
  @PRSTADCD char(15) = '',
  @ShipToName char(64) = '',
  @ADDRESS1 char(60) = '',
  @ADDRESS2 char(60) = '',
  @ADDRESS3 char(60) = '',
  @CNTCPRSN char(60) = '',
  @CITY char(35) = '',
  @STATE char(29) = '',
  @ZIPCODE char(10) = '',
  @COUNTRY char(60) = '',
  @PHNUMBR1 char(21) = '',
  @SUBTOTAL numeric(19,5) = 0,
  @FREIGHT numeric(19,5) = 0,
  @MISCAMNT numeric(19,5) = 0,
  @TRDISAMT numeric(19,5) = 0,
  @TAXAMNT numeric(19,5) = 0,
  @FRTTXAMT numeric(19,5) = 0,
  @MSCTXAMT numeric(19,5) = 0,
  @DOCAMNT numeric(19,5) = 0,
  @CURNCYID char(15) = '',
  @USINGHEADERLEVELTAXES int = 0,
  @CREATETAXES smallint = 0,
  @CREATEDIST smallint = 0,
  @CREATECOMM smallint = 0,
  @DEFPRICING tinyint = 0,
  @CKHOLD tinyint = 0,
  @CKCreditLimit tinyint = 0,
  @UpdateExisting tinyint = 0,
  @INTEGRATIONID char(30) = '',
  @CMMTTEXT varchar(500) = '',
  @NOTETEXT varchar(8000) = '',
  @ORIGNUMB char(21) = '',
  @ORIGTYPE smallint = 0,
  @ReqShipDate datetime = '19000101',
  @error int OUTPUT,
  @codes varchar(255) OUTPUT,
  @sentence varchar(255) OUTPUT,
  @changed datetime OUTPUT
AS
  SET NOCOUNT ON;
  EXEC dbo.taSopHdrIvcInsert
    @I_vSOPTYPE = @SOPTYPE,
    @I_vDOCID = @DOCID,
    @I_vSOPNUMBE = @SOPNUMBE,
    @I_vDOCDATE = @DOCDATE,
    @I_vCUSTNMBR = @CUSTNMBR,
    @I_vCUSTNAME = @CUSTNAME,
    @I_vCSTPONBR = @CSTPONBR,
    @I_vBACHNUMB = @BACHNUMB,
    @I_vLOCNCODE = @LOCNCODE,
    @I_vSHIPMTHD = @SHIPMTHD,
    @I_vPRBTADCD = @PRBTADCD,
    @I_vPRSTADCD = @PRSTADCD,
    @I_vShipToName = @ShipToName,
    @I_vADDRESS1 = @ADDRESS1,
    @I_vADDRESS2 = @ADDRESS2,
    @I_vADDRESS3 = @ADDRESS3,
    @I_vCNTCPRSN = @CNTCPRSN,
    @I_vCITY = @CITY,
    @I_vSTATE = @STATE,
    @I_vZIPCODE = @ZIPCODE,
    @I_vCOUNTRY = @COUNTRY,
    @I_vPHNUMBR1 = @PHNUMBR1,
    @I_vSUBTOTAL = @SUBTOTAL,
    @I_vFREIGHT = @FREIGHT,
    @I_vMISCAMNT = @MISCAMNT,
    @I_vTRDISAMT = @TRDISAMT,
    @I_vTAXAMNT = @TAXAMNT,
    @I_vFRTTXAMT = @FRTTXAMT,
    @I_vMSCTXAMT = @MSCTXAMT,
    @I_vDOCAMNT = @DOCAMNT,
    @I_vCURNCYID = @CURNCYID,
    @I_vUSINGHEADERLEVELTAXES = @USINGHEADERLEVELTAXES,
    @I_vCREATETAXES = @CREATETAXES,
    @I_vCREATEDIST = @CREATEDIST,
    @I_vCREATECOMM = @CREATECOMM,
    @I_vDEFPRICING = @DEFPRICING,
    @I_vCKHOLD = @CKHOLD,
    @I_vCKCreditLimit = @CKCreditLimit,
    @I_vUpdateExisting = @UpdateExisting,
    @I_vINTEGRATIONID = @INTEGRATIONID,
    @I_vCMMTTEXT = @CMMTTEXT,
    @I_vNOTETEXT = @NOTETEXT,
    @I_vORIGNUMB = @ORIGNUMB,
    @I_vORIGTYPE = @ORIGTYPE,
    @I_vReqShipDate = @ReqShipDate,
    @O_iErrorState = @error OUTPUT,
    @oErrString = @codes OUTPUT;
  IF @error <> 0
    SELECT @sentence = LEFT(RTRIM(ErrorDesc), 255) FROM knect.taErrorCode WHERE ErrorCode = @error;
  ELSE
    SELECT @changed = MAX(changed) FROM knect.order_marks WHERE SOPNUMBE = @SOPNUMBE;
GO

IF OBJECT_ID('knect.sop_void', 'P') IS NOT NULL DROP PROCEDURE knect.sop_void;
GO
CREATE PROCEDURE knect.sop_void
  @SOPTYPE smallint,
  @SOPNUMBE char(21),
  @error int OUTPUT,
  @codes varchar(255) OUTPUT,
  @sentence varchar(255) OUTPUT,
  @changed datetime OUTPUT
AS
  SET NOCOUNT ON;
  EXEC dbo.taSopVoidDocument
    @I_vSOPTYPE = @SOPTYPE,
    @I_vSOPNUMBE = @SOPNUMBE,
    @O_iErrorState = @error OUTPUT,
    @oErrString = @codes OUTPUT;
  IF @error <> 0
    SELECT @sentence = LEFT(RTRIM(ErrorDesc), 255) FROM knect.taErrorCode WHERE ErrorCode = @error;
  ELSE
    SELECT @changed = MAX(changed) FROM knect.order_marks WHERE SOPNUMBE = @SOPNUMBE;
GO

IF OBJECT_ID('knect.customer', 'P') IS NOT NULL DROP PROCEDURE knect.customer;
GO
CREATE PROCEDURE knect.customer
  @CUSTNMBR char(15),
  @CUSTNAME char(64) = '',
  @CUSTCLAS char(15) = '',
  @ADRSCODE char(15) = '',
  @CNTCPRSN char(60) = '',
  @ADDRESS1 char(60) = '',
  @ADDRESS2 char(60) = '',
  @ADDRESS3 char(60) = '',
  @CITY char(35) = '',
  @STATE char(29) = '',
  @ZIPCODE char(10) = '',
  @COUNTRY char(60) = '',
  @PHNUMBR1 char(21) = '',
  @UseCustomerClass tinyint = 0,
  @CreateAddress tinyint = 0,
  @UpdateIfExists tinyint = 0,
  @error int OUTPUT,
  @codes varchar(255) OUTPUT,
  @sentence varchar(255) OUTPUT,
  @changed datetime OUTPUT
AS
  SET NOCOUNT ON;
  EXEC dbo.taUpdateCreateCustomerRcd
    @I_vCUSTNMBR = @CUSTNMBR,
    @I_vCUSTNAME = @CUSTNAME,
    @I_vCUSTCLAS = @CUSTCLAS,
    @I_vADRSCODE = @ADRSCODE,
    @I_vCNTCPRSN = @CNTCPRSN,
    @I_vADDRESS1 = @ADDRESS1,
    @I_vADDRESS2 = @ADDRESS2,
    @I_vADDRESS3 = @ADDRESS3,
    @I_vCITY = @CITY,
    @I_vSTATE = @STATE,
    @I_vZIPCODE = @ZIPCODE,
    @I_vCOUNTRY = @COUNTRY,
    @I_vPHNUMBR1 = @PHNUMBR1,
    @I_vUseCustomerClass = @UseCustomerClass,
    @I_vCreateAddress = @CreateAddress,
    @I_vUpdateIfExists = @UpdateIfExists,
    @O_iErrorState = @error OUTPUT,
    @oErrString = @codes OUTPUT;
  IF @error <> 0
    SELECT @sentence = LEFT(RTRIM(ErrorDesc), 255) FROM knect.taErrorCode WHERE ErrorCode = @error;
  ELSE
    SELECT @changed = MAX(changed) FROM knect.customer_marks WHERE CUSTNMBR = @CUSTNMBR;
GO

IF OBJECT_ID('knect.customer_address', 'P') IS NOT NULL DROP PROCEDURE knect.customer_address;
GO
CREATE PROCEDURE knect.customer_address
  @CUSTNMBR char(15),
  @ADRSCODE char(15) = '',
  @ShipToName char(64) = '',
  @CNTCPRSN char(60) = '',
  @ADDRESS1 char(60) = '',
  @ADDRESS2 char(60) = '',
  @ADDRESS3 char(60) = '',
  @CITY char(35) = '',
  @STATE char(29) = '',
  @ZIPCODE char(10) = '',
  @COUNTRY char(60) = '',
  @PHNUMBR1 char(21) = '',
  @UpdateIfExists tinyint = 0,
  @error int OUTPUT,
  @codes varchar(255) OUTPUT,
  @sentence varchar(255) OUTPUT
AS
  SET NOCOUNT ON;
  EXEC dbo.taCreateCustomerAddress
    @I_vCUSTNMBR = @CUSTNMBR,
    @I_vADRSCODE = @ADRSCODE,
    @I_vShipToName = @ShipToName,
    @I_vCNTCPRSN = @CNTCPRSN,
    @I_vADDRESS1 = @ADDRESS1,
    @I_vADDRESS2 = @ADDRESS2,
    @I_vADDRESS3 = @ADDRESS3,
    @I_vCITY = @CITY,
    @I_vSTATE = @STATE,
    @I_vZIPCODE = @ZIPCODE,
    @I_vCOUNTRY = @COUNTRY,
    @I_vPHNUMBR1 = @PHNUMBR1,
    @I_vUpdateIfExists = @UpdateIfExists,
    @O_iErrorState = @error OUTPUT,
    @oErrString = @codes OUTPUT;
  IF @error <> 0
    SELECT @sentence = LEFT(RTRIM(ErrorDesc), 255) FROM knect.taErrorCode WHERE ErrorCode = @error;
GO

IF OBJECT_ID('knect.internet_address', 'P') IS NOT NULL DROP PROCEDURE knect.internet_address;
GO
CREATE PROCEDURE knect.internet_address
  @Master_Type char(3),
  @Master_ID char(30),
  @ADRSCODE char(15) = '',
  @INET1 char(200) = '',
  @error int OUTPUT,
  @codes varchar(255) OUTPUT,
  @sentence varchar(255) OUTPUT,
  @changed datetime OUTPUT
AS
  SET NOCOUNT ON;
  EXEC dbo.taCreateInternetAddresses
    @I_vMaster_Type = @Master_Type,
    @I_vMaster_ID = @Master_ID,
    @I_vADRSCODE = @ADRSCODE,
    @I_vINET1 = @INET1,
    @O_iErrorState = @error OUTPUT,
    @oErrString = @codes OUTPUT;
  IF @error <> 0
    SELECT @sentence = LEFT(RTRIM(ErrorDesc), 255) FROM knect.taErrorCode WHERE ErrorCode = @error;
  ELSE
    SELECT @changed = MAX(changed) FROM knect.customer_marks WHERE CUSTNMBR = @Master_ID;
GO

/* ---- procedures of Knect's own ------------------------------------------------------------------- */
IF OBJECT_ID('knect.claim', 'P') IS NOT NULL DROP PROCEDURE knect.claim;
GO
CREATE PROCEDURE knect.claim
  @external_id varchar(80),
  @SOPTYPE smallint,
  @SOPNUMBE char(21),
  @CUSTNMBR char(15),
  @content varchar(64),
  @trace varchar(32),
  @gone char(21) = ''
AS
  SET NOCOUNT ON;
  /* What somebody deleted in GP, and a person wants there again: our mark of it is left. */
  IF @gone <> '' AND NOT EXISTS (
    SELECT 1 FROM knect.documents
    WHERE (SOPTYPE = @SOPTYPE AND SOPNUMBE = @gone) OR (ORIGTYPE = @SOPTYPE AND ORIGNUMB = @gone)
  ) AND NOT EXISTS (SELECT 1 FROM knect.customers WHERE @SOPTYPE = 0 AND CUSTNMBR = @gone)
  BEGIN
    DELETE FROM knect.knect_line WHERE SOPTYPE = @SOPTYPE AND SOPNUMBE = @gone;
    DELETE FROM knect.knect_delivery
    WHERE external_id = @external_id AND SOPTYPE = @SOPTYPE
      AND @gone = CASE @SOPTYPE WHEN 0 THEN CUSTNMBR ELSE SOPNUMBE END;
  END;
  INSERT INTO knect.knect_delivery (external_id, SOPTYPE, SOPNUMBE, CUSTNMBR, content, trace)
  VALUES (@external_id, @SOPTYPE, @SOPNUMBE, @CUSTNMBR, @content, @trace);
GO

IF OBJECT_ID('knect.renew', 'P') IS NOT NULL DROP PROCEDURE knect.renew;
GO
CREATE PROCEDURE knect.renew
  @external_id varchar(80),
  @content varchar(64),
  @trace varchar(32)
AS
  SET NOCOUNT ON;
  UPDATE knect.knect_delivery
  SET content = @content, trace = @trace, written = GETUTCDATE()
  WHERE external_id = @external_id;
GO

IF OBJECT_ID('knect.remember_line', 'P') IS NOT NULL DROP PROCEDURE knect.remember_line;
GO
CREATE PROCEDURE knect.remember_line
  @SOPTYPE smallint,
  @SOPNUMBE char(21),
  @LNITMSEQ int,
  @line_id varchar(80)
AS
  SET NOCOUNT ON;
  DELETE FROM knect.knect_line
  WHERE SOPTYPE = @SOPTYPE AND SOPNUMBE = @SOPNUMBE AND LNITMSEQ = @LNITMSEQ;
  IF @line_id <> ''
    INSERT INTO knect.knect_line (SOPTYPE, SOPNUMBE, LNITMSEQ, line_id)
    VALUES (@SOPTYPE, @SOPNUMBE, @LNITMSEQ, @line_id);
GO

/*
  GP keeps no mark on stock, on list prices and on tracking numbers. This compares what is there
  with the fingerprint of the last sweep and stamps what differs: in `changed` the instant by which
  a reader goes on (just before the end of its window; now, where there is none), in `swept` when it
  was found out.
*/
IF OBJECT_ID('knect.sweep', 'P') IS NOT NULL DROP PROCEDURE knect.sweep;
GO
CREATE PROCEDURE knect.sweep
  @entity varchar(10),
  @stamp datetime = NULL
AS
  SET NOCOUNT ON;
  DECLARE @now datetime;
  SET @now = GETUTCDATE();
  IF @stamp < DATEADD(second, -120, @now) RETURN;  -- a window of the past: nothing new is in it
  IF @stamp IS NULL OR @stamp > @now SET @stamp = @now;
  UPDATE m
  SET fingerprint = s.fingerprint,
      changed = CASE WHEN m.changed >= @stamp THEN DATEADD(millisecond, 4, m.changed) ELSE @stamp END,
      swept = @now
  FROM knect.knect_mark AS m
  JOIN knect.fingerprints AS s ON s.mark = m.mark
  WHERE m.entity = @entity AND s.entity = @entity AND m.fingerprint <> s.fingerprint;
  INSERT INTO knect.knect_mark (entity, mark, fingerprint, changed, swept)
  SELECT @entity, s.mark, s.fingerprint, @stamp, @now
  FROM knect.fingerprints AS s
  WHERE s.entity = @entity AND NOT EXISTS (
    SELECT 1 FROM knect.knect_mark AS m WITH (UPDLOCK, HOLDLOCK)
    WHERE m.entity = @entity AND m.mark = s.mark
  );
GO

/* ---- what the role may do: use what is above, and nothing else ---------------------------------- */
DECLARE @grants nvarchar(max);
SET @grants = N'';
SELECT @grants = @grants + N'GRANT SELECT ON knect.' + QUOTENAME(name) + N' TO knect_role; '
FROM sys.views WHERE schema_id = SCHEMA_ID('knect');
SELECT @grants = @grants + N'GRANT EXECUTE ON knect.' + QUOTENAME(name) + N' TO knect_role; '
FROM sys.procedures WHERE schema_id = SCHEMA_ID('knect');
EXEC(@grants);
GRANT SELECT ON knect.taErrorCode TO knect_role;
GO
PRINT 'Knect: schema knect is installed, version 1.';
GO
